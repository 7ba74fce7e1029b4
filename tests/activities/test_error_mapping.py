"""The one table from our errors to Temporal's, row by row."""

import inspect
import logging
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.errors import Mapped, to_application_error
from contracts.policies import MODEL_TRIES, NON_RETRYABLE
from domain import errors as domain_errors
from domain.errors import (
    AmendmentRefused,
    BudgetExhausted,
    ConditionInvalid,
    Conflict,
    InvalidInput,
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
    NotFound,
    Problem,
    ToolAnswerInvalid,
    ToolAnswerTooLarge,
    ToolArgumentsInvalid,
    ToolAuthNeeded,
    ToolError,
    ToolFailed,
    ToolMissing,
    ToolNeedsInput,
    ToolRefused,
    ToolTimedOut,
    ToolUnavailable,
    Unavailable,
)
from services.llm.assignment import CallFailed
from services.llm.errors import ModelTimedOut
from services.storage.requests import IdempotencyKeyReused

PROBLEM = Problem(code="c", path="/p", message="m")
TABLE: list[tuple[LonghaulError, str, bool, float | None]] = [
    (LonghaulError("x"), "LonghaulError", True, None),
    (InvalidInput("x"), "InvalidInput", True, None),
    (ConditionInvalid("x"), "ConditionInvalid", True, None),
    (AmendmentRefused("x", (PROBLEM,)), "AmendmentRefused", True, None),
    (NotFound("x"), "NotFound", True, None),
    (Conflict("x"), "Conflict", True, None),
    (IdempotencyKeyReused("x"), "IdempotencyKeyReused", True, None),
    (Unavailable("x"), "Unavailable", False, 2.0),
    (Unavailable("x", 0.5), "Unavailable", False, 0.5),
    (ModelError("x"), "ModelError", True, None),
    (ModelUnknown("x"), "ModelUnknown", True, None),
    (ModelContextTooLong("x"), "ModelContextTooLong", True, None),
    (ModelContentRefused("x"), "ModelContentRefused", True, None),
    (NoCapacity("x", 3.0), "NoCapacity", False, 3.0),
    (ModelThrottled("x", 7.0), "ModelThrottled", False, 7.0),
    (ModelThrottled("x"), "ModelThrottled", False, None),
    (ModelUnavailable("x"), "ModelUnavailable", False, None),
    (ModelTimedOut("x"), "ModelTimedOut", False, None),
    (ModelRejected("x", 7.0), "ModelRejected", True, None),
    (ModelCredentialDead("x"), "ModelCredentialDead", True, None),
    (ModelAnswerInvalid("x"), "ModelAnswerInvalid", False, None),
    (ModelAnswerTooLarge("x"), "ModelAnswerTooLarge", True, None),
    (BudgetExhausted("x"), "BudgetExhausted", True, None),
    (ToolUnavailable("x", retry_after_s=3.0), "ToolUnavailable", False, 3.0),
    (ToolUnavailable("x"), "ToolUnavailable", False, None),
    (ToolTimedOut("x"), "ToolTimedOut", False, None),
    (ToolError("x"), "ToolError", True, None),
    (ToolArgumentsInvalid("x"), "ToolArgumentsInvalid", True, None),
    (ToolMissing("x"), "ToolMissing", True, None),
    (ToolFailed("x"), "ToolFailed", True, None),
    (ToolAuthNeeded("x"), "ToolAuthNeeded", True, None),
    (ToolNeedsInput("x"), "ToolNeedsInput", True, None),
    (ToolAnswerInvalid("x"), "ToolAnswerInvalid", True, None),
    (ToolAnswerTooLarge("x"), "ToolAnswerTooLarge", True, None),
    (ToolRefused("x"), "ToolRefused", True, None),
]


@pytest.mark.parametrize(("error", "kind", "final", "delay_s"), TABLE)
def test_each_error_has_its_row(error: LonghaulError, kind: str, *, final: bool, delay_s: float | None) -> None:
    mapped = to_application_error(error)
    assert (mapped.type, mapped.non_retryable) == (kind, final)
    assert mapped.next_retry_delay == (None if delay_s is None else timedelta(seconds=delay_s))
    assert mapped.details[0]["code"] == error.code


def test_every_error_of_the_domain_is_in_the_table() -> None:
    known = {
        member for _, member in inspect.getmembers(domain_errors, inspect.isclass) if issubclass(member, LonghaulError)
    }
    assert known <= {type(error) for error, *_ in TABLE}


@pytest.mark.parametrize(("error", "kind", "final", "delay_s"), TABLE)
def test_the_policy_agrees_with_the_table(
    error: LonghaulError, kind: str, *, final: bool, delay_s: float | None
) -> None:
    del error, delay_s
    assert final or kind not in NON_RETRYABLE


def test_the_last_try_of_a_round_is_final() -> None:
    error = ModelUnavailable("down")
    assert not to_application_error(CallFailed(error, 0, tries=MODEL_TRIES - 1)).non_retryable
    assert to_application_error(CallFailed(error, 0, tries=MODEL_TRIES)).non_retryable


def test_a_failed_calls_cost_travels_with_its_error() -> None:
    mapped = to_application_error(CallFailed(ModelRejected("no"), 42))
    assert mapped.type == "ModelRejected"
    assert mapped.details == ({"code": "model_rejected", "cost_micros": 42},)


def test_problems_travel_with_a_refusal() -> None:
    mapped = to_application_error(InvalidInput("no", (PROBLEM,)))
    assert mapped.details[0]["problems"] == [{"code": "c", "path": "/p", "message": "m"}]


def test_texts_are_bounded() -> None:
    assert len(to_application_error(InvalidInput("x" * 5000)).message) == 1000


def test_an_unexpected_error_keeps_its_text_to_itself(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(ApplicationError) as caught, Mapped():
        raise ValueError("the user's private prompt")
    assert (caught.value.type, caught.value.non_retryable) == ("ValueError", False)
    assert caught.value.__cause__ is None
    assert "private" not in caught.value.message
    assert "private" not in caplog.text.replace('raise ValueError("the user\'s private prompt")', "")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ApplicationError("mine", type="T")])
def test_what_is_temporals_or_pythons_passes(error: BaseException) -> None:
    with pytest.raises(BaseException) as caught, Mapped():  # noqa: PT011  compared below
        raise error
    assert caught.value is error
