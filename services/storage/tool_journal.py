"""The journal of tool calls: a finished one is not made again, a write that may have happened not without a look.

A call is (request, slot, round, n), `n` allotted by INSERT before anything is sent. What a dead process left open, and
what ended without an answer, is *uncertain* if repeating it could do harm, else lost. A launch of a step makes its
write once: an answer counts for all the launch's rounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import asyncpg

from domain.content import Text
from domain.errors import NotFound
from domain.events import Event, EventType
from domain.ids import call_id
from domain.tools import Action, Effect
from domain.value import Value
from services.storage import events as event_log
from services.storage import json_text
from services.storage.database import Database, Tx
from services.storage.driver import Row
from services.storage.statements import Statements


@dataclass(frozen=True)
class ToolCallKey:
    """What a call is for: `slot` is the step's id, `round` and `launch` are counted by the workflow."""

    request_id: str
    slot: str
    round: int
    launch: int


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A call about to be made. `arguments` are JSON, fit to travel; `marker` names the launch at the server."""

    action: Action
    effect: Effect
    arguments: Text
    marker: str
    may_repeat: bool


@dataclass(frozen=True)
class OpenCall:
    """An open call of ours, or an uncertain one of a dead process. `id` is `domain.ids.call_id`."""

    id: str
    key: ToolCallKey
    n: int


class Kept(Value):
    """An answer in the journal."""

    text: Text
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Uncertain:
    """A write that may have happened, as it was sent."""

    call: OpenCall
    arguments: Text
    marker: str


_LOCK = "SELECT 1 FROM request WHERE id = $1 FOR UPDATE"
_CALLS = """
    SELECT round, n, launch, state, answer, marks, arguments, marker, may_repeat FROM tool_call
    WHERE request_id = $1 AND slot = $2 ORDER BY round DESC, n DESC LIMIT 500"""
_SET_STATE = """
    UPDATE tool_call SET state = $5, finished_at = clock_timestamp()
    WHERE request_id = $1 AND slot = $2 AND round = $3 AND n = $4 AND state IN ('open', 'uncertain')"""
_OPEN = """
    INSERT INTO tool_call (request_id, slot, round, n, launch, server, action_type, name, effect, arguments, marker,
        may_repeat, state, process)
    SELECT $1, $2, $3, coalesce(max(n), 0) + 1, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, 'open', $12
    FROM tool_call WHERE request_id = $1 AND slot = $2 AND round = $3
    RETURNING n"""
_OPEN_FIRST = """
    SELECT appended, opened FROM longhaul_tool_open(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"""
_CLOSE = """
    SELECT appended, closed FROM longhaul_tool_close(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"""


class _Closing(NamedTuple):
    """The parameters of `longhaul_tool_close` from `p_was` to `p_body`; JSON as text."""

    was: str
    state: str
    answer: str | None = None
    marks: str | None = None
    found: bool = False
    error_code: str | None = None
    error: str | None = None
    ref: str | None = None
    body: bytes | None = None


async def open_first(
    where: Statements, key: ToolCallKey, planned: Planned, events: Sequence[Event], *, process: str
) -> OpenCall | None:
    """Open the step's first call and append the events, in one statement; commit it before anything is sent.

    Returns:
        The call; None when the step has calls already: the events are appended all the same, and `look` says more.

    Raises:
        NotFound: There is no such request.
    """
    call = _call(key, key.round, 1)
    given = event_log.columns((*events, _called(call, planned)))
    try:
        (row,) = await where.fetch(_OPEN_FIRST, *_row(key, planned, process), *given)
    except asyncpg.NoDataFoundError as error:
        raise NotFound("no such request") from error
    if row["appended"]:
        where.grew(key.request_id)
    return call if row["opened"] else None


async def look(db: Database, key: ToolCallKey, *, left: bool) -> Kept | tuple[Uncertain, ...]:
    """Look what is known of a step's calls, and close what a dead process left open.

    Args:
        db: The database.
        key: The round that is about to be made.
        left: A person has looked: what is uncertain is left as it is, and does not count any more.

    Returns:
        The answer, if the launch's write or this round's read has one; else the step's writes that may have happened,
        in this launch or in one that an amendment replaced.

    Raises:
        NotFound: There is no such request.
    """
    async with db.transaction() as tx:
        await _lock(tx, key.request_id)
        rows = await tx.fetch(_CALLS, key.request_id, key.slot)
        kept = next((row for row in rows if _counts(row, key)), None)
        if kept is not None:
            return Kept(text=Text.model_validate(kept["answer"]), marks=tuple(kept["marks"] or ()))
        uncertain = [row for row in rows if not row["may_repeat"] and row["state"] in ("open", "uncertain")]
        for row in rows:
            if row["state"] == "open" or (left and row in uncertain):
                await _set_state(tx, key, row, _state_of(row, left=left))
        return () if left else tuple(_uncertain(key, row) for row in uncertain)


def _counts(row: Row, key: ToolCallKey) -> bool:
    same_launch: bool = row["launch"] == key.launch
    return same_launch and row["state"] == "finished" and (row["round"] == key.round or not row["may_repeat"])


def _state_of(row: Row, *, left: bool) -> str:
    if row["may_repeat"]:
        return "lost"
    return "left" if left else "uncertain"


async def open_call(db: Database, key: ToolCallKey, planned: Planned, *, process: str) -> OpenCall:
    """Open a further call of a step; commits before anything is sent.

    Raises:
        NotFound: There is no such request.
    """
    async with db.transaction() as tx:
        await _lock(tx, key.request_id)
        rows = await tx.fetch(_OPEN, *_row(key, planned, process))
        call = _call(key, key.round, rows[0]["n"])
        await event_log.append(tx, key.request_id, (_called(call, planned),))
        return call


def _row(key: ToolCallKey, planned: Planned, process: str) -> tuple[object, ...]:
    action = planned.action
    return (
        *(key.request_id, key.slot, key.round, key.launch),
        *(action.server, action.type.value, action.name, planned.effect.value),
        *(_json(planned.arguments), planned.marker, planned.may_repeat, process),
    )


async def finish(
    where: Statements,
    call: OpenCall,
    kept: Kept,
    events: Sequence[Event] = (),
    *,
    body: bytes | None = None,
    found: bool = False,
) -> bool:
    """Store the answer and append the events if the call is still open, in one statement.

    Args:
        where: A transaction or the database.
        call: The call.
        kept: The answer.
        events: What the end brings about.
        body: What is to be stored under the answer's reference, None if it is inline or stored already.
        found: The call was uncertain, and a look-up found its answer.

    Returns:
        False when somebody else closed the call: nothing was stored, and the answer must not be used.
    """
    closing = _Closing(
        was="uncertain" if found else "open",
        state="finished",
        answer=_json(kept.text),
        marks=json_text.encode(list(kept.marks)),
        found=found,
        ref=None if body is None else kept.text.ref,
        body=body,
    )
    told = _told(call, "found" if found else "finished", None, kept.marks)
    return await _close(where, call, closing, (told, *events))


async def fail(where: Statements, call: OpenCall, *, code: str, message: str, uncertain: bool) -> bool:
    """Close the call without an answer; `uncertain`: the write may have happened all the same."""
    state = "uncertain" if uncertain else "failed"
    closing = _Closing(was="open", state=state, error_code=code, error=message)
    return await _close(where, call, closing, (_told(call, state, message, ()),))


async def settle_uncertain(where: Statements, call: OpenCall) -> bool:
    """Note that a look-up did not find an uncertain write: it did not happen. Why it failed stays, if it was told."""
    told = "a look-up did not find it"
    return await _close(where, call, _Closing("uncertain", "failed", error_code="not_happened", error=told), ())


async def _close(where: Statements, call: OpenCall, closing: _Closing, events: Sequence[Event]) -> bool:
    key = call.key
    given = (key.request_id, key.slot, key.round, call.n, *closing, *event_log.columns(events))
    (row,) = await where.fetch(_CLOSE, *given)
    if row["appended"]:
        where.grew(key.request_id)
    return bool(row["closed"])


async def progress(where: Statements, call: OpenCall, number: int, data: dict[str, object]) -> None:
    """Append an event of a running call's progress; `number` counts them from 1."""
    event = _event(call, f"call/{call.id}/progress", number, EventType.TOOL_PROGRESS, data)
    await event_log.append(where, call.key.request_id, (event,))


def _called(call: OpenCall, planned: Planned) -> Event:
    said = {"action": planned.action.model_dump(mode="json"), "effect": planned.effect.value, "n": call.n}
    return _event(call, f"call/{call.id}", 1, EventType.TOOL_CALLED, said)


def _told(call: OpenCall, status: str, error: str | None, marks: Sequence[str]) -> Event:
    """Return the event of a call's end. An uncertain one may be found later: that is another event."""
    said: dict[str, object] = {"status": status, "marks": list(marks)}
    if error is not None:
        said["error"] = error
    return _event(call, f"call/{call.id}/{status}", 1, EventType.TOOL_FINISHED, said)


def _event(call: OpenCall, source: str, number: int, event_type: EventType, said: Mapping[str, object]) -> Event:
    data = {"v": 1, "step_id": call.key.slot, "call_id": call.id, **said}
    return Event(source=source, source_seq=number, type=event_type, data=data)


async def _lock(tx: Tx, request_id: str) -> None:
    """Lock the request's row first, as everywhere, so that no two transactions wait for each other in a circle."""
    if not await tx.fetch(_LOCK, request_id):
        raise NotFound("no such request")


async def _set_state(tx: Tx, key: ToolCallKey, row: Row, state: str) -> None:
    await tx.driver.execute(_SET_STATE, key.request_id, key.slot, row["round"], row["n"], state)


def _uncertain(key: ToolCallKey, row: Row) -> Uncertain:
    own = ToolCallKey(key.request_id, key.slot, row["round"], row["launch"])
    call = OpenCall(call_id(key.request_id, key.slot, row["round"], row["n"]), own, row["n"])
    return Uncertain(call, Text.model_validate(row["arguments"]), row["marker"])


def _call(key: ToolCallKey, round_no: int, n: int) -> OpenCall:
    own = ToolCallKey(key.request_id, key.slot, round_no, key.launch)
    return OpenCall(call_id(key.request_id, key.slot, round_no, n), own, n)


def _json(text: Text) -> str:
    return json_text.encode(text.model_dump(exclude_none=True))
