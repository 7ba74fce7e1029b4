"""From an error to what a caller of the gateway is told: status, type and code of the OpenAI API. One table.

An account's troubles are ours, not the caller's: a provider's 401 is a 502 here, and its words are not passed on.
"""

from dataclasses import dataclass

from domain.caller_errors import BudgetSpent, Forbidden, FundsOnHold, InsufficientFunds, RateLimited, Unauthenticated
from domain.errors import (
    BudgetExhausted,
    LonghaulError,
    ModelAnswerInvalid,
    ModelAnswerTooLarge,
    ModelContentRefused,
    ModelContextTooLong,
    ModelCredentialDead,
    ModelError,
    ModelRejected,
    ModelThrottled,
    ModelUnavailable,
    ModelUnknown,
    NoCapacity,
    Unavailable,
)
from domain.gateway import CallError

INVALID = "invalid_request_error"
UNKNOWN_CALLER = "authentication_error"
DENIED = "permission_error"
THROTTLED = "rate_limit_error"
NO_FUNDS = "insufficient_quota"
OURS = "server_error"

TIMED_OUT = "timeout"
"""The code of a ModelUnavailable that took all the time its call had."""


@dataclass(frozen=True)
class _Told:
    """What stands for a kind of error. `message` None: the error's own."""

    status: int
    type: str
    code: str
    message: str | None = None
    param: str | None = None


_UNKNOWN = _Told(404, INVALID, "model_not_found", param="model")
_FORBIDDEN = _Told(403, DENIED, "model_not_allowed", param="model")
_FULL = _Told(429, THROTTLED, "rate_limit_exceeded")
_RESTING = _Told(503, OURS, "no_provider_available")
_LATE = _Told(504, OURS, "upstream_timeout")
_FAULT = _Told(500, OURS, "internal_error", "something went wrong on our side; quote the request id")

_TABLE: tuple[tuple[type[LonghaulError], _Told], ...] = (
    (ModelContextTooLong, _Told(400, INVALID, "context_length_exceeded", param="messages")),
    (ModelContentRefused, _Told(400, INVALID, "content_policy_violation")),
    (ModelRejected, _Told(400, INVALID, "invalid_request")),
    (ModelThrottled, _Told(429, THROTTLED, "upstream_rate_limited", "every account asked for patience")),
    (ModelCredentialDead, _Told(502, OURS, "upstream_credentials_exhausted", "no account of ours was accepted")),
    (ModelUnavailable, _Told(502, OURS, "upstream_error")),
    (ModelAnswerInvalid, _Told(502, OURS, "upstream_answer_invalid")),
    (ModelAnswerTooLarge, _Told(502, OURS, "upstream_answer_too_large")),
    (BudgetExhausted, _Told(402, NO_FUNDS, "insufficient_quota")),
    (ModelError, _Told(502, OURS, "upstream_error")),
    (Unavailable, _Told(503, OURS, "service_unavailable")),
    (Unauthenticated, _Told(401, UNKNOWN_CALLER, "invalid_api_key")),
    (Forbidden, _Told(403, DENIED, "forbidden")),
    (RateLimited, _Told(429, THROTTLED, "rate_limit_exceeded")),
    (InsufficientFunds, _Told(402, NO_FUNDS, "insufficient_funds")),
    (BudgetSpent, _Told(402, NO_FUNDS, "budget_spent")),
    (FundsOnHold, _Told(409, NO_FUNDS, "funds_on_hold")),
)
"""The first kind that an error is of decides; what is none of them is a fault of ours, whose text stays inside."""


def call_error(error: LonghaulError) -> CallError:
    """Return what a caller is told of an error that ended their call."""
    told = _told(error)
    return CallError(
        status=told.status,
        type=told.type,
        code=told.code,
        message=str(error) if told.message is None else told.message,
        param=told.param,
        retry_after_s=_retry_after_s(error),
    )


def _retry_after_s(error: LonghaulError) -> float | None:
    if isinstance(error, (ModelError, Unavailable, RateLimited, FundsOnHold)):
        return error.retry_after_s
    return None


def type_of_status(status: int) -> str:
    """Return the OpenAI API's type of an error that is known by its status alone."""
    if status >= 500:  # noqa: PLR2004  HTTP's own classes
        return OURS
    return {401: UNKNOWN_CALLER, 402: NO_FUNDS, 403: DENIED, 429: THROTTLED}.get(status, INVALID)


def _told(error: LonghaulError) -> _Told:
    if isinstance(error, ModelUnknown):
        return _FORBIDDEN if error.forbidden else _UNKNOWN
    if isinstance(error, NoCapacity):
        return _RESTING if error.resting else _FULL
    if isinstance(error, ModelUnavailable) and error.code == TIMED_OUT:
        return _LATE
    return next((told for kind, told in _TABLE if isinstance(error, kind)), _FAULT)
