"""The most that accounts did in any window of time: the proof that none went over its limit.

A window of w seconds holds what arrived at a ≤ t < a + w, wherever it begins; a maximum is always reached by one that
begins with a call.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """One call. Times are monotonic seconds, `ended_s` None while it is open; `refused`: by the server's own limit."""

    account: str
    arrived_s: float
    ended_s: float | None
    tokens: int
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Peak:
    """The most of an account: calls in a window, tokens of the calls in a window, calls open at once.

    Beside them all its calls, and those that the server refused because the account was at a limit.
    """

    max_requests: int
    max_tokens: int
    max_concurrent: int
    calls: int
    refused: int


def peaks(spans: Iterable[Span], window_s: float) -> dict[str, Peak]:
    """Return the peak of each account. Refused calls count: they were made."""
    accounts: defaultdict[str, list[Span]] = defaultdict(list)
    for span in spans:
        accounts[span.account].append(span)
    return {account: _peak(sorted(calls, key=_arrival), window_s) for account, calls in accounts.items()}


def _arrival(span: Span) -> float:
    return span.arrived_s


def _peak(calls: list[Span], window_s: float) -> Peak:
    most_calls = most_tokens = oldest = tokens = 0
    for index, call in enumerate(calls):
        tokens += call.tokens
        while call.arrived_s - calls[oldest].arrived_s >= window_s:
            tokens -= calls[oldest].tokens
            oldest += 1
        most_calls = max(most_calls, index - oldest + 1)
        most_tokens = max(most_tokens, tokens)
    return Peak(most_calls, most_tokens, _most_open(calls), len(calls), sum(call.refused for call in calls))


def _most_open(calls: list[Span]) -> int:
    """Return how many calls were open at once at most. One that ends as another arrives is not open with it."""
    changes = sorted(
        [(call.arrived_s, 1) for call in calls] + [(call.ended_s, -1) for call in calls if call.ended_s is not None]
    )
    most = present = 0
    for _, change in changes:
        present += change
        most = max(most, present)
    return most
