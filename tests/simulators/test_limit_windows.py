"""Sliding windows: what the limits let through, and what the log proves, whatever comes in whatever order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.model_provider.errors import ApiError
from simulators.model_provider.limit_text import read_limit
from simulators.model_provider.limits import Limit, Limits
from simulators.model_provider.windows import Span, peaks


@pytest.mark.parametrize(
    ("text", "key", "limit"),
    [
        ("rpm=60", None, Limit(rpm=60)),
        ("rpm=60,window=6,tpm=1000,concurrency=4", None, Limit(60, 1000, 6.0, 4)),
        ("key=acct,concurrency=4", "acct", Limit(concurrency=4)),
    ],
)
def test_limits_are_read_from_the_command_line(text: str, key: str | None, limit: Limit) -> None:
    assert read_limit(text) == (key, limit)


@pytest.mark.parametrize("text", ["", "rpm", "rpm=x", "rpm=0", "rpm=-1", "rps=5", "window=6", "rpm=1,window=0"])
def test_a_wrong_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_limit(text)


CALLS = st.lists(
    st.tuples(st.floats(0, 0.5), st.integers(1, 8), st.integers(0, 8), st.floats(0, 1)), min_size=1, max_size=60
)
"""Of each call: the time since the one before, its prompt's and its answer's tokens, and how long it takes."""


@given(CALLS, st.integers(1, 5), st.integers(8, 30), st.integers(1, 4))
def test_what_was_accepted_never_exceeds_the_limit_in_any_window(
    calls: list[tuple[float, int, int, float]], rpm: int, tpm: int, concurrency: int
) -> None:
    limits = Limits(Limit(rpm, tpm, 1.0, concurrency))
    now, accepted, still_open, told = 0.0, list[Span](), list[Span](), list[float | None]()
    for wait_s, prompt, answer, took_s in calls:
        now += wait_s
        for over in [span for span in still_open if span.ended_s is not None and span.ended_s <= now]:
            still_open.remove(over)
            limits.leave("a")
        try:
            limits.admit("a", prompt, now)
        except ApiError as refusal:
            told.append(refusal.retry_after_s)
            continue
        limits.spend("a", answer)
        accepted.append(Span("a", now, now + took_s, prompt + answer))
        still_open.append(accepted[-1])
    assert all(wait_s is not None and 0 < wait_s < 1.001 for wait_s in told)
    peak = peaks(accepted, 1.0)["a"] if accepted else None
    assert peak is None or peak.max_requests <= rpm
    assert peak is None or peak.max_concurrent <= concurrency
    assert peak is None or peak.max_tokens <= tpm + max(answer for _, _, answer, _ in calls)


@given(st.lists(st.floats(0, 0.6), min_size=1, max_size=40), st.integers(1, 4))
def test_a_call_is_refused_only_if_the_window_is_full_and_taken_when_told(waits: list[float], rpm: int) -> None:
    limits = Limits(Limit(rpm=rpm, window_s=1.0))
    now, taken = 0.0, list[float]()
    for wait_s in waits:
        now += wait_s
        in_window = sum(now - at < 1.0 for at in taken)
        try:
            limits.admit("a", 1, now)
            refused_for_s = 0.0
        except ApiError as refusal:
            refused_for_s = refusal.retry_after_s or 0.0
            now += refused_for_s + 1e-9
            limits.admit("a", 1, now)
        assert (in_window >= rpm) == (refused_for_s > 0)
        taken.append(now)


def _span(account: str, start: float, took_s: float, tokens: int) -> Span:
    return Span(account, start, start + took_s, tokens)


SPANS = st.lists(
    st.builds(
        _span,
        st.sampled_from("ab"),
        st.integers(0, 50).map(lambda tenths: tenths / 8),
        st.integers(0, 20).map(lambda tenths: tenths / 8),
        st.integers(0, 9),
    ),
    max_size=40,
)


@given(SPANS, st.sampled_from([0.125, 1.0, 2.5]))
def test_peaks_are_what_trying_every_window_finds(spans: list[Span], window_s: float) -> None:
    found = peaks(spans, window_s)
    assert found.keys() == {span.account for span in spans}
    for account, peak in found.items():
        own = [span for span in spans if span.account == account]
        held = [[s for s in own if start.arrived_s <= s.arrived_s < start.arrived_s + window_s] for start in own]
        assert peak.max_requests == max(len(window) for window in held)
        assert peak.max_tokens == max(sum(span.tokens for span in window) for window in held)
        moments = (span.arrived_s for span in own)
        present = [sum(s.arrived_s <= at < (s.ended_s or 0.0) for s in own) for at in moments]
        assert peak.max_concurrent >= max(present)


def test_an_open_call_counts_as_open() -> None:
    spans = [Span("a", 0.0, None, 1), Span("a", 5.0, 6.0, 1), Span("a", 6.0, None, 1, refused=True)]
    peak = peaks(spans, 2.0)["a"]
    assert (peak.max_concurrent, peak.max_requests, peak.calls, peak.refused) == (2, 2, 3, 1)


def test_accounts_beyond_the_bound_are_forgotten_oldest_first() -> None:
    limits = Limits(Limit(rpm=1))
    for number in range(10_001):
        limits.admit(f"account-{number}", 1, 0.0)
    limits.admit("account-0", 1, 0.0)
    with pytest.raises(ApiError):
        limits.admit("account-10000", 1, 0.0)
