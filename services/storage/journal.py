"""The call journal: a finished call is never asked for again, an abandoned one is closed by evidence.

The usual call is two statements, `open_first` and `finish`, each with the events that go with it; a round that was
begun before takes `begin` in a transaction.

A call is (request, slot, round, n). `n` is allotted by INSERT before anything is sent; a re-run of the same round finds
the finished call's answer, or closes what a dead process left open and takes the next `n`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import asyncpg

from domain.budget import Price, Usage, cost, estimate_tokens
from domain.content import Text
from domain.errors import NotFound
from domain.events import Event
from domain.ids import call_id
from services.storage import events as event_log
from services.storage import json_text
from services.storage.database import Tx
from services.storage.driver import Row
from services.storage.failpoints import Point, around
from services.storage.statements import Statements


@dataclass(frozen=True)
class CallKey:
    """What a call is for: `slot` as in `contracts.calls`, `round` counted by the workflow."""

    request_id: str
    slot: str
    round: int


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What is to be sent, and to whom: the evidence, should the call be lost.

    Attributes:
        model: The model that will be asked.
        input_tokens: Our estimate of the input.
        process: Who asks; for people who look at the table.
        deployment: Who is asked (`domain.model_pool`).
        price: What the call's tokens cost there.
    """

    model: str
    input_tokens: int
    process: str
    deployment: str = ""
    price: Price = field(default_factory=Price)

    def columns(self) -> tuple[str, int, str, str, str]:
        """Return the values as the SQL functions take them."""
        return (self.model, self.input_tokens, self.process, self.deployment, self.price.model_dump_json())


@dataclass(frozen=True)
class Call:
    """An open call of ours. `id` is `domain.ids.call_id`."""

    id: str
    key: CallKey
    n: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a call ended with. `finish_reason` as in `domain.evaluation.Answer`; `text` comes from `blobs`."""

    text: Text
    finish_reason: str
    refused: bool
    usage: Usage
    cost_micros: int
    model: str


@dataclass(frozen=True)
class Finished:
    """The round has its answer already."""

    call: Call
    answer: Answer


@dataclass(frozen=True)
class Lost:
    """A call whose process died, closed now, its usage estimated. The caller adds a cost event for it."""

    call: Call
    model: str
    usage: Usage
    cost_micros: int


@dataclass(frozen=True)
class Opened:
    """A fresh call to make. `lost`: earlier ones of the round that were closed by this."""

    call: Call
    lost: tuple[Lost, ...] = ()


Begun = Finished | Opened


class _Closing(NamedTuple):
    """The parameters of `longhaul_call_end` from `p_state` to `p_body`; JSON as text."""

    state: str
    model: str | None = None
    answer: str | None = None
    finish_reason: str | None = None
    refused: bool = False
    usage: str | None = None
    cost_micros: int = 0
    error_code: str | None = None
    ref: str | None = None
    body: bytes | None = None


_OPEN = "SELECT appended, opened FROM longhaul_call_open($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
_BEGIN = "SELECT * FROM longhaul_call_begin($1, $2, $3, $4, $5, $6, $7, $8)"
_END = """
    SELECT appended, closed FROM longhaul_call_end(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"""
_ESTIMATE = "SELECT longhaul_call_lost($1, $2, $3, $4, $5, $6)"
_ABANDON = "SELECT * FROM longhaul_call_abandon($1)"


async def open_first(where: Statements, key: CallKey, events: Sequence[Event], sent: Sent) -> Call | None:
    """Append the events and open the round's first call, in one statement; commit it before sending.

    Returns:
        The call, None when the round was begun before: the events are appended all the same, and `begin` says more.

    Raises:
        NotFound: There is no such request.
    """
    given = (*event_log.columns(events), key.slot, key.round, *sent.columns())
    try:
        (row,) = await where.fetch(_OPEN, key.request_id, *given)
    except asyncpg.NoDataFoundError as error:
        raise NotFound("no such request") from error
    if row["appended"]:
        where.grew(key.request_id)
    return _call(key, 1) if row["opened"] else None


async def begin(tx: Tx, key: CallKey, sent: Sent) -> Begun:
    """Find the round's answer, or open a call, in one round trip (one more for each call that was lost).

    Commit the transaction before sending.

    Raises:
        NotFound: There is no such request.
    """
    try:
        rows = await tx.driver.fetch(_BEGIN, key.request_id, key.slot, key.round, *sent.columns())
    except asyncpg.NoDataFoundError as error:
        raise NotFound("no such request") from error
    last = rows[-1]
    if last["found"] == "finished":
        return _finished(key, last)
    lost = tuple([await _close_by_evidence(tx, key, row) for row in rows[:-1]])
    return Opened(call=_call(key, last["n"]), lost=lost)


async def abandon(tx: Tx, request_id: str) -> tuple[Lost, ...]:
    """Close by evidence every open call of a request whose work is dead; its row stays locked until the end."""
    rows = await tx.driver.fetch(_ABANDON, request_id)
    return tuple([await _close_by_evidence(tx, CallKey(request_id, row["slot"], row["round"]), row) for row in rows])


async def finish(
    where: Statements, call: Call, answer: Answer, *, body: bytes | None = None, events: Sequence[Event] = ()
) -> bool:
    """Store the answer and append the events if the call is still open, in one statement.

    Args:
        where: A transaction or the database.
        call: The call.
        answer: What it ended with.
        body: What is to be stored under the answer's reference, None if it is inline or stored already.
        events: What the end brings about.

    Returns:
        False when somebody else closed the call: nothing was stored, and the answer must not be used.
    """
    closing = _Closing(
        state="finished",
        model=answer.model,
        answer=json_text.encode(answer.text.model_dump()),
        finish_reason=answer.finish_reason,
        refused=answer.refused,
        usage=answer.usage.model_dump_json(),
        cost_micros=answer.cost_micros,
        ref=None if body is None else answer.text.ref,
        body=body,
    )
    return await _end(where, call, closing, events)


async def fail(
    where: Statements, call: Call, *, code: str, usage: Usage, cost_micros: int, events: Sequence[Event] = ()
) -> bool:
    """Close the call without an answer, `code` as in `domain.errors`; fenced like `finish`."""
    closing = _Closing(state="failed", usage=usage.model_dump_json(), cost_micros=cost_micros, error_code=code)
    return await _end(where, call, closing, events)


async def _end(where: Statements, call: Call, closing: _Closing, events: Sequence[Event]) -> bool:
    key = call.key
    given = (key.request_id, key.slot, key.round, call.n, *closing, *event_log.columns(events))
    async with around(Point.JOURNAL_END):
        (row,) = await where.fetch(_END, *given)
    if row["appended"]:
        where.grew(key.request_id)
    return bool(row["closed"])


async def _close_by_evidence(tx: Tx, key: CallKey, row: Row) -> Lost:
    delivered: str = row["delivered"]
    usage = Usage(
        input_tokens=row["input_tokens"],
        output_tokens=estimate_tokens(delivered) if delivered else 0,
        estimated=True,
    )
    lost = Lost(_call(key, row["n"]), row["model"], usage, cost(usage, Price.model_validate(row["price"])))
    await tx.driver.execute(
        _ESTIMATE, key.request_id, key.slot, key.round, lost.call.n, usage.model_dump_json(), lost.cost_micros
    )
    return lost


def _finished(key: CallKey, row: Row) -> Finished:
    answer = Answer(
        text=Text.model_validate(row["answer"]),
        finish_reason=row["finish_reason"],
        refused=row["refused"],
        usage=Usage.model_validate(row["usage"]),
        cost_micros=row["cost_micros"],
        model=row["model"],
    )
    return Finished(_call(key, row["n"]), answer)


def _call(key: CallKey, n: int) -> Call:
    return Call(call_id(key.request_id, key.slot, key.round, n), key, n)
