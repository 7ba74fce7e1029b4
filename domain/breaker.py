"""The circuit breaker of an account or a deployment, as a value and the rules by which it changes.

    closed ──5 failures in a row, or more than half of 10 and more in a minute──► open ──back-off over──► half-open
      ▲                                                                            ▲                         │
      └──────────────────── the probe was answered ────────────────────────────────┼── the probe failed ─────┘

Half-open, one call at a time is let through: the probe. An open breaker becomes half-open when its probe is taken,
which the database does under its lock (`longhaul_lease_claim`). A provider that asks for patience has not failed: it
rests, whatever the state, and a rest is only ever made longer.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from domain.errors import ModelAnswerInvalid, ModelError, ModelThrottled, ModelUnavailable
from domain.value import Value

FAILURES_IN_A_ROW = 5
"""So many end the patience, however many calls there were."""
FAILURE_SHARE = 0.5
"""More than this share of the calls of the last `RECENT_S` seconds, once there are `ENOUGH_CALLS`."""
ENOUGH_CALLS = 10
RECENT_S = 60.0
FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 60.0
JITTER = 0.25
"""By how much of itself a back-off may be shorter, so that processes and breakers do not probe in step."""
LONGEST_REST_S = 600.0
"""A provider's word for its rest counts up to this."""

FAILURE_CODES = frozenset({ModelUnavailable.code, ModelAnswerInvalid.code, "timeout"})
"""The outcomes of leases that are failures of the provider (`timeout`: a `ModelUnavailable` of the adapters)."""


class BreakerState(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Verdict(StrEnum):
    """What a call's end says about the provider."""

    SUCCESS = "success"
    FAILURE = "failure"
    THROTTLED = "throttled"
    NEITHER = "neither"
    """The caller's doing (a wrong request, a refused content, a cancellation), or a dead credential."""


class Breaker(Value):
    """A breaker as it stands.

    Attributes:
        failures: In a row.
        opened: How often it opened since it was last closed; the back-off doubles with it.
        throttled: How often in a row the provider asked for patience without saying how much.
        until: No call goes through before.
        probe: The lease of the call that is let through, half-open.
        closed_at: Since when failures count towards the share; None: all do.
    """

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    opened: int = 0
    throttled: int = 0
    until: datetime | None = None
    probe: str | None = None
    closed_at: datetime | None = None


class Recent(NamedTuple):
    """Calls that ended in the last `RECENT_S` seconds and since `Breaker.closed_at`, this one included."""

    calls: int = 0
    failures: int = 0


class Ending(NamedTuple):
    """A call's end.

    Attributes:
        lease: The lease by which the call was made.
        rest_s: How long the provider says it wants to rest, in seconds; None: it does not say.
        jitter: By chance, from 0 to 1.
    """

    verdict: Verdict
    lease: str
    at: datetime
    rest_s: float | None = None
    recent: Recent = Recent()
    jitter: float = 0.0


def verdict(error: ModelError | None) -> Verdict:
    """Return what a call's error says about the provider, whether it came before the first token or in mid-stream."""
    if error is None:
        return Verdict.SUCCESS
    if isinstance(error, ModelThrottled):
        return Verdict.THROTTLED
    return Verdict.FAILURE if isinstance(error, ModelUnavailable | ModelAnswerInvalid) else Verdict.NEITHER


def passes(breaker: Breaker, at: datetime, *, probed: bool) -> bool:
    """Return whether a call goes through now. `probed`: the lease of the breaker's probe is open still."""
    if breaker.until is not None and at < breaker.until:
        return False
    return breaker.state is BreakerState.CLOSED or breaker.probe is None or not probed


def probing(breaker: Breaker, lease: str) -> Breaker:
    """Return the breaker after a call went through; of one that is not closed it is the probe."""
    if breaker.state is BreakerState.CLOSED:
        return breaker
    return breaker.model_copy(update={"state": BreakerState.HALF_OPEN, "probe": lease})


def after(breaker: Breaker, ending: Ending) -> Breaker:
    """Return the breaker after a call's end.

    Unless it is closed, only the probe's end says anything: the other calls were begun before it opened. A rest counts
    whoever was told of it.
    """
    rested = _rested(breaker, ending) if ending.verdict is Verdict.THROTTLED else breaker
    if breaker.state is BreakerState.CLOSED:
        return _counted(rested, ending)
    if breaker.probe != ending.lease:
        return rested
    if ending.verdict is Verdict.SUCCESS:
        return Breaker(until=rested.until, closed_at=ending.at)
    if ending.verdict is Verdict.FAILURE:
        return _open(rested, ending)
    return rested.model_copy(update={"probe": None})


def resting(breaker: Breaker, at: datetime, rest_s: float) -> Breaker:
    """Return the breaker, let through no call for `rest_s` seconds from now; never sooner than it would have."""
    until = at + timedelta(seconds=min(max(rest_s, 0.0), LONGEST_REST_S))
    return breaker.model_copy(update={"until": _later(breaker.until, until)})


def _counted(breaker: Breaker, ending: Ending) -> Breaker:
    """Count an end while closed."""
    if ending.verdict is Verdict.SUCCESS:
        return breaker.model_copy(update={"failures": 0, "throttled": 0})
    if ending.verdict is not Verdict.FAILURE:
        return breaker
    counted = breaker.model_copy(update={"failures": breaker.failures + 1})
    calls, failures = ending.recent
    often = calls >= ENOUGH_CALLS and failures > FAILURE_SHARE * calls
    return _open(counted, ending) if often or counted.failures >= FAILURES_IN_A_ROW else counted


def _open(breaker: Breaker, ending: Ending) -> Breaker:
    backoff_s = _backoff_s(breaker.opened) * (1 - JITTER * ending.jitter)
    return breaker.model_copy(
        update={
            "state": BreakerState.OPEN,
            "opened": breaker.opened + 1,
            "until": _later(breaker.until, ending.at + timedelta(seconds=backoff_s)),
            "probe": None,
        }
    )


def _rested(breaker: Breaker, ending: Ending) -> Breaker:
    """Rest as long as the provider says, else as a back-off that doubles."""
    if ending.rest_s is not None:
        return resting(breaker, ending.at, ending.rest_s)
    patient = resting(breaker, ending.at, _backoff_s(breaker.throttled) * (1 - JITTER * ending.jitter))
    return patient.model_copy(update={"throttled": breaker.throttled + 1})


def _backoff_s(times: int) -> float:
    return min(FIRST_BACKOFF_S * 2.0 ** min(times, 16), LONGEST_BACKOFF_S)


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
