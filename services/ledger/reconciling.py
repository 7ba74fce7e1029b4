"""Orphaned holds, closed by evidence: what the journal shows is charged, the rest is available again.

A hold is orphaned when its request has ended without releasing it, or when nothing works under it any more: no workflow
of the request or of its sub-requests runs, and no place at a model is kept for them. Who asks says whether a workflow
runs. A request or call that nobody will end is ended here, so that its Idempotency-Key starts nothing that is not held
for.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from domain.events import Event, EventType
from domain.gateway import CallError, CallOutcome
from domain.request import Outcome, Phase
from services.storage import audit, events, journal
from services.storage.audit import Act, By
from services.storage.call_costs import Spent, cost_event
from services.storage.database import Database, Tx
from services.storage.failpoints import Point, around
from services.storage.journal import Lost

NOT_STARTED: Final = "not_started"
LOST: Final = "lost"

_DUE: Final = """
    SELECT h.id FROM ledger_hold h LEFT JOIN request r ON r.id = h.id
    WHERE h.state = 'open' AND (r.id IS NULL OR r.finished_at IS NOT NULL
        OR coalesce(h.looked_at, h.created_at) < clock_timestamp() - make_interval(secs =>
            CASE WHEN r.phase = 'accepted' OR h.expires_at <= clock_timestamp() THEN $2::double precision ELSE $3 END))
    ORDER BY coalesce(h.looked_at, h.created_at), h.id LIMIT $1"""
_FAMILY: Final = """
    SELECT r.id, r.kind = 'call' AS is_call, r.finished_at IS NOT NULL AS ended, r.last_seq,
        r.phase <> 'accepted' OR EXISTS (SELECT FROM model_call c WHERE c.request_id = r.id) AS started
    FROM request r WHERE r.id = $1 OR (r.hold_id = $1 AND r.hold_id <> r.id)"""
_LOCK: Final = (
    "SELECT id, last_seq, finished_at IS NOT NULL AS ended FROM request WHERE id = ANY ($1) ORDER BY id FOR UPDATE"
)
_LOCK_HOLD: Final = "SELECT wallet_id FROM ledger_hold WHERE id = $1 AND state = 'open' FOR UPDATE"
_AT_WORK: Final = """
    SELECT EXISTS (
        SELECT FROM lease l JOIN model_call c
            ON c.state = 'open' AND l.call_id = concat_ws('/', c.request_id, c.slot, c.round)
        WHERE c.request_id = ANY ($1) AND l.ended_at IS NULL AND l.expires_at > clock_timestamp()) AS at_work"""
_POST: Final = """
    SELECT c.cost_micros AS micros, longhaul_money_post(c.request_id, c.slot, c.round, c.n, c.cost_micros) AS fresh
    FROM model_call c
    WHERE c.request_id = ANY ($1) AND c.state <> 'open' AND c.cost_micros > 0 AND NOT EXISTS (
        SELECT FROM ledger_transaction t
        WHERE t.kind = 'post' AND t.key = concat_ws('/', c.request_id, c.slot, c.round, c.n))"""
_RELEASE: Final = "SELECT longhaul_money_release($1, 'expired') AS micros"
_LOOKED: Final = "UPDATE ledger_hold SET looked_at = clock_timestamp() WHERE id = $1"

IsRunning = Callable[[str], Awaitable[bool]]
"""Whether the workflow of a request or call runs. One that is not known does not."""


@dataclass(frozen=True)
class Graces:
    """How long holds are left alone, in seconds.

    Attributes:
        start_s: After their making, when their work has not begun or their time is over.
        look_s: After they were made or last looked at, otherwise.
    """

    start_s: float = 120.0
    look_s: float = 600.0


@dataclass(frozen=True)
class Closed:
    """A hold that was closed: what was charged for calls that had not been, and what was given back."""

    posted_micros: int
    released_micros: int


@dataclass(frozen=True)
class Member:
    """A request or call that works under a hold. `started`: it is seen to have been worked on.

    `last_seq`: how far its log was before its workflow was asked for. What grew since then is alive.
    """

    id: str
    is_call: bool
    started: bool
    ended: bool
    last_seq: int


async def due(db: Database, limit: int, graces: Graces) -> Sequence[str]:
    """Return open holds that may be orphaned, those first that nobody has looked at for longest."""
    return [row["id"] for row in await db.fetch(_DUE, limit, graces.start_s, graces.look_s)]


async def pass_over(db: Database, hold_id: str) -> None:
    """Leave a hold alone for a while."""
    await db.fetch(_LOOKED, hold_id)


async def reconcile(db: Database, hold_id: str, is_running: IsRunning) -> Closed | None:
    """Close a hold if it is orphaned; None: something works under it, or it is closed already.

    Raises:
        Unavailable: The database, or who knows the workflows, does not answer.
    """
    family = await _family(db, hold_id)
    for member in family:
        if not member.ended and await is_running(member.id):
            await pass_over(db, hold_id)
            return None
    async with around(Point.RECONCILE), db.transaction() as tx:
        return await _close(tx, hold_id, family)


async def _family(db: Database, hold_id: str) -> Sequence[Member]:
    return [Member(**dict(row)) for row in await db.fetch(_FAMILY, hold_id)]


async def _close(tx: Tx, hold_id: str, family: Sequence[Member]) -> Closed | None:
    """Close a hold under which nothing works; the requests' rows are locked first, as everywhere."""
    names = [member.id for member in family]
    rows = {row["id"]: row for row in await tx.fetch(_LOCK, names)}
    held = await tx.fetch(_LOCK_HOLD, hold_id)
    if not held:
        return None
    grew = any(rows[member.id]["last_seq"] != member.last_seq for member in family if member.id in rows)
    if grew or (await tx.fetch(_AT_WORK, names))[0]["at_work"]:
        await tx.fetch(_LOOKED, hold_id)
        return None
    posted = 0
    for member in family:
        posted += await _abandon(tx, member)
    posted += sum(row["micros"] for row in await tx.fetch(_POST, names) if row["fresh"])
    (released,) = await tx.fetch(_RELEASE, hold_id)
    for member in family:
        if member.id in rows and not rows[member.id]["ended"]:
            await events.append(tx, member.id, [_end(member)])
    closed = Closed(posted, released["micros"])
    details = {"wallet": held[0]["wallet_id"], **vars(closed)}
    await audit.record(tx, By.itself("reconcile"), Act("hold.close", "hold", hold_id, details))
    return closed


async def _abandon(tx: Tx, member: Member) -> int:
    """Close the calls that a dead process left open, and tell what they have cost; return that."""
    lost = await journal.abandon(tx, member.id)
    if lost:
        await events.append(tx, member.id, [_cost(member, each) for each in lost])
    return sum(each.cost_micros for each in lost)


def _cost(member: Member, lost: Lost) -> Event:
    step_id = None if member.is_call else lost.call.key.slot.partition("@")[0] or None
    return cost_event(lost.call, step_id, Spent(lost.model, lost.usage, lost.cost_micros))


def _end(member: Member) -> Event:
    """Return the end of a request or call that nobody else will end."""
    reason = LOST if member.started else NOT_STARTED
    if member.is_call:
        error = CallError(status=503, type="server_error", code=reason, message="the call was not made to its end")
        outcome = CallOutcome(phase="failed", error=error).model_dump(mode="json", exclude_none=True)
        return _event(EventType.CALL_FINISHED, outcome)
    ended = Outcome(phase=Phase.FAILED, reason=reason, detail="its workflow is gone")
    return _event(EventType.REQUEST_FINISHED, ended.model_dump(mode="json"))


def _event(kind: EventType, outcome: dict[str, object]) -> Event:
    return Event(source="reconcile", source_seq=1, type=kind, data={"v": 1, "outcome": outcome})
