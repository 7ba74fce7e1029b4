"""What callers of the gateway are told, error by error."""

from typing import Any

import pytest

from domain import errors
from domain.call_errors import call_error, type_of_status
from domain.errors import LonghaulError, ModelUnknown, NoCapacity


class _TimedOut(errors.ModelUnavailable):
    code = "timeout"


TABLE: list[tuple[LonghaulError, int, str, str]] = [
    (ModelUnknown("no model m"), 404, "invalid_request_error", "model_not_found"),
    (ModelUnknown("not for you", forbidden=True), 403, "permission_error", "model_not_allowed"),
    (errors.ModelRejected("it says 400"), 400, "invalid_request_error", "invalid_request"),
    (errors.ModelContextTooLong("9 of 8 tokens"), 400, "invalid_request_error", "context_length_exceeded"),
    (errors.ModelContentRefused("not that"), 400, "invalid_request_error", "content_policy_violation"),
    (NoCapacity("full", 3.5), 429, "rate_limit_error", "rate_limit_exceeded"),
    (NoCapacity("resting", 3.5, resting=True), 503, "server_error", "no_provider_available"),
    (errors.ModelThrottled("slow down", 2.0), 429, "rate_limit_error", "upstream_rate_limited"),
    (errors.ModelCredentialDead("it says 401"), 502, "server_error", "upstream_credentials_exhausted"),
    (errors.ModelUnavailable("it says 500"), 502, "server_error", "upstream_error"),
    (_TimedOut("9 s"), 504, "server_error", "upstream_timeout"),
    (errors.ModelAnswerInvalid("half JSON"), 502, "server_error", "upstream_answer_invalid"),
    (errors.ModelAnswerTooLarge("3 MiB"), 502, "server_error", "upstream_answer_too_large"),
    (errors.BudgetExhausted("nothing left"), 402, "insufficient_quota", "insufficient_quota"),
    (errors.ModelError("odd"), 502, "server_error", "upstream_error"),
    (errors.Unavailable("no database"), 503, "server_error", "service_unavailable"),
    (errors.Conflict("inside"), 500, "server_error", "internal_error"),
    (LonghaulError("inside"), 500, "server_error", "internal_error"),
]


@pytest.mark.parametrize(("error", "status", "kind", "code"), TABLE, ids=lambda value: str(value)[:30])
def test_every_error_has_its_status_type_and_code(error: LonghaulError, status: int, kind: str, code: str) -> None:
    told = call_error(error)
    assert (told.status, told.type, told.code) == (status, kind, code)
    assert told.retry_after_s == getattr(error, "retry_after_s", None)


def test_every_model_error_is_in_the_table() -> None:
    kinds: list[type[Any]] = [errors.ModelError]
    for kind in kinds:
        kinds += [found for found in kind.__subclasses__() if found.__module__ == "domain.errors"]
    assert set(kinds) <= {type(error) for error, *_ in TABLE}


def test_a_providers_401_is_never_ours_and_its_words_stay_inside() -> None:
    told = call_error(errors.ModelCredentialDead("sk-live-123 is not accepted"))
    assert told.status == 502
    assert "sk-live" not in told.message


def test_a_fault_of_ours_tells_nothing_of_its_inside() -> None:
    assert "inside" not in call_error(LonghaulError("inside")).message


def test_what_the_model_named_is_wrong_is_said() -> None:
    assert call_error(ModelUnknown("no model m")).param == "model"
    assert call_error(errors.ModelContextTooLong("long")).param == "messages"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "insufficient_quota"),
        (403, "permission_error"),
        (404, "invalid_request_error"),
        (415, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (503, "server_error"),
    ],
)
def test_a_status_alone_has_its_type(status: int, kind: str) -> None:
    assert type_of_status(status) == kind
