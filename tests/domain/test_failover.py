"""Going on to another deployment: only where it may do better, and the caller need not unlearn anything."""

from dataclasses import replace

import pytest

from domain.errors import (
    BudgetExhausted,
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
)
from domain.failover import SHORTEST_S, Attempt, goes_on

FAILED = Attempt(ModelUnavailable("down"), took_s=0.1, left_s=60, number=1, most=3)


@pytest.mark.parametrize(
    "error",
    [ModelUnavailable, ModelThrottled, ModelAnswerInvalid, ModelCredentialDead, ModelContextTooLong],
)
def test_what_another_may_do_better_goes_on(error: type[ModelError]) -> None:
    assert goes_on(replace(FAILED, error=error("no")))


@pytest.mark.parametrize(
    "error", [ModelRejected, ModelContentRefused, ModelUnknown, BudgetExhausted, ModelAnswerTooLarge]
)
def test_what_no_other_would_do_better_ends(error: type[ModelError]) -> None:
    assert not goes_on(replace(FAILED, error=error("no")))


def test_attempts_are_bounded() -> None:
    assert goes_on(replace(FAILED, number=2))
    assert not goes_on(replace(FAILED, number=3))


@pytest.mark.parametrize(("streamed", "resets", "expected"), [(True, False, False), (True, True, True)])
def test_text_that_was_seen_is_taken_back_only_from_those_who_understand_that(
    streamed: bool, resets: bool, expected: bool
) -> None:
    assert goes_on(replace(FAILED, streamed=streamed, resets=resets)) is expected


@pytest.mark.parametrize(
    ("took_s", "left_s", "expected"),
    [(30, 29.9, False), (30, 30, True), (0.1, SHORTEST_S - 0.01, False), (0.1, SHORTEST_S, True), (0, -1, False)],
)
def test_a_slow_failure_needs_as_much_time_again(took_s: float, left_s: float, expected: bool) -> None:
    assert goes_on(replace(FAILED, took_s=took_s, left_s=left_s)) is expected
