"""Leases in the database: taken in one round trip, renewed while they live, ended in one round trip.

The rules stand beside their SQL (`services/storage/functions/lease_*.sql`, `waiter_*.sql`, `account_*.sql`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.budget import Usage
from services.storage.statements import Statements

TTL_S = 10.0
"""A lease that is not renewed for so long expires; its process is taken for dead."""
SMOOTHING = 0.2
"""The weight of the newest first-token time in a deployment's moving average."""
_MOST = 2**31 - 1
"""What an integer column takes."""

_TAKE = """
    SELECT granted, bars, retry_s
    FROM longhaul_lease_take($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"""
_SETTLE = """
    SELECT closed, troubled FROM longhaul_lease_settle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"""
_RENEW = """
    UPDATE lease l SET expires_at = clock_timestamp() + make_interval(secs => $3),
        counted_from = coalesce(l.counted_from, clock_timestamp() - make_interval(secs => held.since_first_byte_s))
    FROM unnest($1::text[], $2::float8[]) AS held (id, since_first_byte_s)
    WHERE l.id = held.id AND l.ended_at IS NULL"""
_GIVE_UP = "DELETE FROM lease_waiter WHERE id = $1"
_FORGET_OVERDUE = "DELETE FROM lease_waiter WHERE expected_at < clock_timestamp() - make_interval(secs => $1)"


class Mode(StrEnum):
    """How candidates come into the order in which they are tried."""

    GIVEN = "given"
    FASTEST = "fastest"
    """As given, and it is noted when one was chosen."""
    ROUND_ROBIN = "round_robin"
    LEAST_CONNECTIONS = "least_connections"


class Bar(StrEnum):
    """Why a candidate is passed over."""

    NONE = ""
    LIMIT = "limit"
    QUEUE = "queue"
    SIZE = "size"
    RESTING = "resting"
    PARKED = "parked"
    SILENT = "silent"
    GONE = "gone"


@dataclass(frozen=True)
class Place:
    """A place at an account that would do, with what the call is reckoned with there."""

    deployment_id: str
    account_id: str
    weight: int
    tokens: int
    cost_micros: int


@dataclass(frozen=True)
class Claim:
    """A call that asks for a place.

    Attributes:
        lease_id: The lease's, if there is one.
        route: The public name that leads to the places.
        stays: The first place is the session's own.
        waits: Refused, it queues.
    """

    lease_id: str
    call_id: str
    owner: str
    route: str
    process: str
    input_tokens: int
    mode: Mode
    stays: bool
    waits: bool
    priority: int
    fairness_key: str


@dataclass(frozen=True)
class Answer:
    """What came of a claim.

    Attributes:
        granted: Which of the places, None: none.
        bars: Why a place was passed over, in the order of the places.
        retry_s: When to ask again; None: it was granted, or none will ever do.
    """

    granted: int | None
    bars: tuple[Bar, ...]
    retry_s: float | None = None


@dataclass(frozen=True)
class Ended:
    """How a lease ended, see `services.llm.pool.port.LeaseEnd`.

    Attributes:
        known: Its usage is known; else what it was reckoned with stays.
        session: What stays with the deployment for `sticky_s`, None: nothing.
    """

    lease_id: str
    outcome: str
    usage: Usage
    known: bool = True
    cost_micros: int = 0
    first_token_ms: int | None = None
    total_ms: int = 0
    since_first_byte_s: float | None = None
    session: str | None = None
    sticky_s: float = 0.0


@dataclass(frozen=True)
class Settled:
    """`closed`: the lease was open until now. `troubled`: a breaker is to be told how it ended."""

    closed: bool
    troubled: bool


async def take(where: Statements, claim: Claim, places: Sequence[Place], *, ttl_s: float = TTL_S) -> Answer:
    """Take a lease on the first place that is free. Raises Unavailable."""
    (row,) = await where.fetch(
        _TAKE,
        *(claim.lease_id, claim.call_id, claim.owner, claim.route, claim.process, ttl_s),
        [place.deployment_id for place in places],
        [place.account_id for place in places],
        [place.weight for place in places],
        [place.tokens for place in places],
        [place.cost_micros for place in places],
        *(claim.input_tokens, claim.mode.value, claim.stays, claim.waits, claim.priority, claim.fairness_key),
    )
    granted: int = row["granted"]
    bars = tuple(Bar(bar) for bar in row["bars"])
    return Answer(granted - 1 if granted else None, bars, row["retry_s"])


async def settle(where: Statements, ended: Ended) -> Settled:
    """End a lease; again, it changes nothing. Raises Unavailable."""
    usage = ended.usage
    (row,) = await where.fetch(
        _SETTLE,
        *(ended.lease_id, ended.outcome, ended.known),
        *(min(tokens, _MOST) for tokens in (usage.input_tokens, usage.cached_tokens, usage.output_tokens)),
        ended.cost_micros,
        *(ended.first_token_ms, min(ended.total_ms, _MOST), ended.since_first_byte_s),
        *(ended.session, ended.sticky_s, SMOOTHING),
    )
    return Settled(row["closed"], row["troubled"])


async def renew(where: Statements, since_first_byte_s: Mapping[str, float | None], *, ttl_s: float = TTL_S) -> None:
    """Renew leases by their ids; of those whose first response byte came, note when. Raises Unavailable."""
    await where.fetch(_RENEW, list(since_first_byte_s), list(since_first_byte_s.values()), ttl_s)


async def give_up(where: Statements, call_id: str) -> None:
    """Forget that a call waits. Raises Unavailable."""
    await where.fetch(_GIVE_UP, call_id)


async def forget_overdue(where: Statements, overdue_s: float) -> None:
    """Forget calls that did not come back for so long after they were expected. Raises Unavailable."""
    await where.fetch(_FORGET_OVERDUE, overdue_s)
