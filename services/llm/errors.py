"""From a provider's answer, or its silence, to the domain's error: pure functions, so that a table can test them.

| what came | becomes |
|---|---|
| 429, 529 | ModelThrottled with the provider's Retry-After, at most 60 s; without funds ModelCredentialDead |
| 401, 402, 403 | ModelCredentialDead |
| 408, 409, 425, 5xx, network, cut stream, time-out | ModelUnavailable |
| other 4xx, redirects | ModelRejected |
| 200 with an error | by the error's own code, else ModelAnswerInvalid |
| HTML, no JSON, any other status | ModelAnswerInvalid |

The texts name statuses and well-known codes only: a provider's own words may quote a prompt or a key.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple, cast

import httpx

from domain.errors import (
    ModelAnswerInvalid,
    ModelCredentialDead,
    ModelError,
    ModelRejected,
    ModelThrottled,
    ModelUnavailable,
)

RETRY_AFTER_LIMIT_S = 60.0
BODY_LIMIT = 64 * 1024
"""Bytes of an error's body that are read."""

_BY_STATUS: dict[int, type[ModelError]] = {
    401: ModelCredentialDead,
    402: ModelCredentialDead,
    403: ModelCredentialDead,
    408: ModelUnavailable,
    409: ModelUnavailable,
    425: ModelUnavailable,
    429: ModelThrottled,
    529: ModelThrottled,
}
_BY_CODE: dict[str, type[ModelError]] = {
    "insufficient_quota": ModelCredentialDead,
    "billing_hard_limit_reached": ModelCredentialDead,
    "billing_not_active": ModelCredentialDead,
    "invalid_api_key": ModelCredentialDead,
    "account_deactivated": ModelCredentialDead,
    "authentication_error": ModelCredentialDead,
    "permission_error": ModelCredentialDead,
    "rate_limit_exceeded": ModelThrottled,
    "rate_limit_error": ModelThrottled,
    "overloaded_error": ModelThrottled,
    "engine_overloaded": ModelThrottled,
    "server_error": ModelUnavailable,
    "internal_server_error": ModelUnavailable,
    "api_error": ModelUnavailable,
    "timeout": ModelUnavailable,
    "context_length_exceeded": ModelRejected,
    "model_not_found": ModelRejected,
    "not_found_error": ModelRejected,
    "invalid_request_error": ModelRejected,
    "content_policy_violation": ModelRejected,
    "content_filter": ModelRejected,
    "unsupported_parameter": ModelRejected,
    "unsupported_value": ModelRejected,
}
_NO_STATUS = 600
_NO_FUNDS = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


class ModelTimedOut(ModelUnavailable):
    """No whole answer within the call's own time."""

    code = "timeout"


class HttpAnswer(NamedTuple):
    """An answer that is no success. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def from_answer(answer: HttpAnswer, now: datetime) -> ModelError:
    """Return the error that an HTTP answer means.

    Args:
        answer: Status, headers and the body's first 64 KiB.
        now: The time, for a Retry-After that is a date.
    """
    known = _codes(_error_object(answer.body))
    kind = ModelCredentialDead if _NO_FUNDS.intersection(known) else _kind_of(answer.status)
    return kind(_sentence(answer.status, known), retry_after_s(answer.headers, now))


def from_error_object(raw: object) -> ModelError:
    """Return the error that an `error` object inside a 200 answer means."""
    error = cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}
    known = _codes(error)
    status = error.get("code")
    if isinstance(status, int) and HTTPStatus.BAD_REQUEST <= status < _NO_STATUS:
        return _kind_of(status)(_sentence(status, known))
    kind = next((_BY_CODE[code] for code in known), ModelAnswerInvalid)
    return kind(_sentence(HTTPStatus.OK, known))


def from_exception(error: httpx.HTTPError | httpx.InvalidURL | httpx.StreamError) -> ModelError:
    """Return the error that a failed exchange means; the text names the kind of failure only."""
    if isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError)):
        return ModelRejected(f"the request to the model provider cannot be sent ({type(error).__name__})")
    if isinstance(error, httpx.DecodingError):
        return ModelAnswerInvalid("the model provider's answer cannot be decoded")
    if isinstance(error, httpx.TimeoutException):
        return ModelUnavailable(f"the model provider does not answer in time ({type(error).__name__})")
    return ModelUnavailable(f"the connection to the model provider failed ({type(error).__name__})")


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return how long the provider asks to wait, in seconds, at most 60; None when it does not say or says nonsense."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _clamped(milliseconds / 1000)
    value = headers.get("retry-after")
    seconds = _number(value)
    return _clamped(_until(value, now) if seconds is None else seconds)


def _kind_of(status: int) -> type[ModelError]:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ModelUnavailable
    return ModelRejected if status >= HTTPStatus.MULTIPLE_CHOICES else ModelAnswerInvalid


def _error_object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = cast("dict[str, Any]", data).get("error") if isinstance(data, dict) else None
    return cast("dict[str, Any]", error) if isinstance(error, dict) else {}


def _codes(error: Mapping[str, Any]) -> list[str]:
    """Return the well-known codes in an error object, the more telling first."""
    said = (error.get("code"), error.get("type"), error.get("status"))
    known = [code.lower() for code in said if isinstance(code, str) and code.lower() in _BY_CODE]
    return list(dict.fromkeys(known))


def _sentence(status: int, known: list[str]) -> str:
    told = f" ({', '.join(known)})" if known else ""
    return (
        f"the model provider told an error{told}"
        if status == HTTPStatus.OK
        else f"the model provider answered {status}{told}"
    )


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _until(value: str | None, now: datetime) -> float | None:
    try:
        at = parsedate_to_datetime(value or "")
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _clamped(seconds: float | None) -> float | None:
    return min(seconds, RETRY_AFTER_LIMIT_S) if seconds is not None and seconds > 0 else None
