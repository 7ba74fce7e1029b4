from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import errors
from domain.breaker import (
    ENOUGH_CALLS,
    FAILURE_CODES,
    FAILURES_IN_A_ROW,
    FIRST_BACKOFF_S,
    JITTER,
    LONGEST_BACKOFF_S,
    LONGEST_REST_S,
    Breaker,
    BreakerState,
    Ending,
    Recent,
    Verdict,
    after,
    passes,
    probing,
    resting,
    verdict,
)
from domain.errors import ModelError
from services.llm.errors import ModelTimedOut

NONE = Recent()
START = datetime(2026, 1, 1, tzinfo=UTC)
FAILED, DONE, NEITHER = Verdict.FAILURE, Verdict.SUCCESS, Verdict.NEITHER


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _end(
    said: Verdict, at_s: float = 0, lease: str = "l", *, rest_s: float | None = None, recent: Recent = NONE
) -> Ending:
    return Ending(said, lease, _at(at_s), rest_s, recent)


def _opened(times: int = 1, at_s: float = 0) -> Breaker:
    """A breaker whose first opening and probes failed, so many times in all."""
    breaker = after(Breaker(failures=FAILURES_IN_A_ROW - 1), _end(FAILED, at_s))
    for _ in range(times - 1):
        breaker = after(probing(breaker, "probe"), _end(FAILED, at_s, "probe"))
    assert breaker.state is BreakerState.OPEN
    return breaker


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (None, Verdict.SUCCESS),
        (errors.ModelThrottled("", 3), Verdict.THROTTLED),
        (errors.ModelUnavailable(""), Verdict.FAILURE),
        (ModelTimedOut(""), Verdict.FAILURE),
        (errors.ModelAnswerInvalid(""), Verdict.FAILURE),
        (errors.ModelRejected(""), Verdict.NEITHER),
        (errors.ModelContextTooLong(""), Verdict.NEITHER),
        (errors.ModelContentRefused(""), Verdict.NEITHER),
        (errors.ModelAnswerTooLarge(""), Verdict.NEITHER),
        (errors.ModelCredentialDead(""), Verdict.NEITHER),
        (errors.BudgetExhausted(""), Verdict.NEITHER),
    ],
)
def test_what_an_error_says_about_the_provider(error: ModelError | None, says: Verdict) -> None:
    assert verdict(error) is says
    assert error is None or (error.code in FAILURE_CODES) == (says is Verdict.FAILURE)


def test_it_opens_after_some_failures_in_a_row() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_IN_A_ROW - 1):
        breaker = after(breaker, _end(FAILED))
        assert breaker.state is BreakerState.CLOSED
        assert passes(breaker, START, probed=False)
    breaker = after(breaker, _end(FAILED))
    assert breaker.state is BreakerState.OPEN
    assert not passes(breaker, _at(FIRST_BACKOFF_S / 2), probed=False)


def test_a_success_between_failures_begins_the_row_anew() -> None:
    breaker = Breaker(failures=FAILURES_IN_A_ROW - 1)
    breaker = after(after(breaker, _end(DONE)), _end(FAILED))
    assert (breaker.state, breaker.failures) == (BreakerState.CLOSED, 1)


@pytest.mark.parametrize(
    ("calls", "failures", "opens"),
    [
        (ENOUGH_CALLS, ENOUGH_CALLS // 2 + 1, True),
        (ENOUGH_CALLS, ENOUGH_CALLS // 2, False),
        (ENOUGH_CALLS - 1, ENOUGH_CALLS - 1, False),
    ],
)
def test_it_opens_when_more_than_half_of_enough_recent_calls_failed(calls: int, failures: int, *, opens: bool) -> None:
    breaker = after(Breaker(), _end(FAILED, recent=Recent(calls, failures)))
    assert (breaker.state is BreakerState.OPEN) == opens


def test_half_open_one_probe_goes_through_at_a_time() -> None:
    breaker = _opened()
    later = _at(FIRST_BACKOFF_S)
    assert passes(breaker, later, probed=False)
    probed = probing(breaker, "p1")
    assert (probed.state, probed.probe) == (BreakerState.HALF_OPEN, "p1")
    assert not passes(probed, later, probed=True)
    assert passes(probed, later, probed=False), "the probe's process died"


def test_a_closed_breaker_takes_no_probe() -> None:
    assert probing(Breaker(), "p1") == Breaker()


def test_an_answered_probe_closes_it_and_forgets_what_failed() -> None:
    probed = probing(_opened(3), "p1")
    closed = after(probed, _end(DONE, 9, "p1"))
    assert closed == Breaker(until=probed.until, closed_at=_at(9))


def test_a_failed_probe_doubles_the_back_off_up_to_its_bound() -> None:
    waits = [(_opened(times).until or START) - START for times in range(1, 9)]
    assert [wait.total_seconds() for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_probe_that_says_nothing_lets_another_through() -> None:
    probed = probing(_opened(), "p1")
    freed = after(probed, _end(NEITHER, 1, "p1"))
    assert (freed.state, freed.probe) == (BreakerState.HALF_OPEN, None)
    assert passes(freed, _at(FIRST_BACKOFF_S), probed=False)


def test_a_throttled_probe_rests_and_lets_another_through_afterwards() -> None:
    probed = probing(_opened(), "p1")
    rested = after(probed, _end(Verdict.THROTTLED, 1, "p1", rest_s=30))
    assert (rested.state, rested.probe, rested.until) == (BreakerState.HALF_OPEN, None, _at(31))


@pytest.mark.parametrize("said", list(Verdict))
def test_calls_that_were_begun_before_it_opened_do_not_open_or_close_it(said: Verdict) -> None:
    for breaker in (_opened(), probing(_opened(), "p1")):
        ended = after(breaker, _end(said, 0, "straggler", rest_s=0.0))
        assert (ended.state, ended.opened, ended.probe) == (breaker.state, breaker.opened, breaker.probe)


def test_what_a_caller_did_wrong_never_counts() -> None:
    breaker = Breaker(failures=FAILURES_IN_A_ROW - 1)
    assert after(breaker, _end(NEITHER)) == breaker


def test_asking_for_patience_is_no_failure_and_is_only_ever_made_longer() -> None:
    breaker = after(Breaker(), _end(Verdict.THROTTLED, 0, rest_s=20))
    assert (breaker.state, breaker.failures, breaker.until) == (BreakerState.CLOSED, 0, _at(20))
    assert after(breaker, _end(Verdict.THROTTLED, 1, rest_s=2)).until == _at(20)
    assert after(breaker, _end(Verdict.THROTTLED, 1, rest_s=30)).until == _at(31)
    assert after(breaker, _end(DONE, 1)).until == _at(20)


def test_asking_for_patience_without_a_time_backs_off_more_each_time_until_a_success() -> None:
    breaker, waits = Breaker(), list[float]()
    for n in range(8):
        breaker = after(breaker, _end(Verdict.THROTTLED, 1000 * n))
        waits.append(((breaker.until or START) - _at(1000 * n)).total_seconds())
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert after(breaker, _end(DONE, 9000)).throttled == 0


@pytest.mark.parametrize(("asked", "given"), [(10**9, LONGEST_REST_S), (-5, 0), (7, 7)])
def test_an_absurd_rest_is_bounded(asked: float, given: float) -> None:
    assert resting(Breaker(), START, asked).until == _at(given)


def test_chance_makes_a_back_off_shorter_by_a_bounded_share() -> None:
    shortest = after(Breaker(failures=FAILURES_IN_A_ROW - 1), _end(FAILED)._replace(jitter=1.0))
    assert shortest.until == _at(FIRST_BACKOFF_S * (1 - JITTER))


class _Call(NamedTuple):
    after_s: float
    verdict: Verdict
    rest_s: float | None
    dies: bool


CALLS = st.builds(
    _Call,
    st.floats(0, 90),
    st.sampled_from(Verdict),
    st.none() | st.floats(0, 1000),
    st.booleans(),
)


@given(st.lists(CALLS, max_size=60), st.floats(0, 1))
def test_whatever_happens_it_lets_calls_through_again_and_never_shortens_a_rest(
    calls: list[_Call], jitter: float
) -> None:
    breaker, now, open_probe = Breaker(), 0.0, False
    for number, call in enumerate(calls):
        now += call.after_s
        at, lease = _at(now), str(number)
        if passes(breaker, at, probed=open_probe):
            breaker = probing(breaker, lease)
            open_probe = False
        before = breaker
        if not call.dies:
            breaker = after(breaker, Ending(call.verdict, lease, at, call.rest_s, Recent(), jitter))
        assert before.until is None or (breaker.until is not None and breaker.until >= before.until)
        assert (breaker.state is BreakerState.OPEN) <= (breaker.until is not None)
        assert breaker.state is not BreakerState.CLOSED or breaker.probe is None
        assert breaker.failures < FAILURES_IN_A_ROW or breaker.state is not BreakerState.CLOSED
        latest = at + timedelta(seconds=max(LONGEST_REST_S, LONGEST_BACKOFF_S))
        assert passes(breaker, latest, probed=False)


@given(st.lists(st.sampled_from([DONE, NEITHER]), max_size=40), st.integers(0, FAILURES_IN_A_ROW - 1))
def test_without_a_failure_it_never_opens(said: list[Verdict], failures: int) -> None:
    breaker = Breaker(failures=failures)
    for number, each in enumerate(said):
        breaker = after(breaker, _end(each, number, recent=Recent(100, 99)))
    assert breaker.state is BreakerState.CLOSED
