"""The first half of a journaled call: record, look for the answer, else open a call that the grant pays for.

A round's first attempt is one statement. Any other takes a transaction, which finds what became of the earlier ones.
"""

from dataclasses import dataclass, replace

from domain.budget import Usage, affordable_output
from domain.errors import BudgetExhausted
from domain.events import Event, EventType
from services.llm.assignment import Assignment, CallFailed, CallResult, Compose
from services.llm.chat import ChatRequest
from services.llm.prices import Prices
from services.storage import blobs, events, journal
from services.storage.database import Database, Tx
from services.storage.journal import Call, Finished, Opened
from services.storage.views import calls as call_views

MIN_OUTPUT_TOKENS = 16
"""An answer that may have fewer tokens is not worth asking for."""


@dataclass(frozen=True)
class Earlier:
    """What earlier attempts of the round cost, and whether viewers saw text of theirs."""

    cost_micros: int = 0
    delivered: bool = False


_NOTHING = Earlier()


@dataclass(frozen=True)
class OpenCall:
    """A call to make now."""

    call: Call
    request: ChatRequest
    earlier: Earlier


async def open_call(
    db: Database, work: Assignment, compose: Compose, prices: Prices, process: str
) -> OpenCall | CallResult | CallFailed:
    """Record the events, then find the round's answer or open a call within its grant.

    Returns:
        A call to make; or the journaled answer; or, without a call, why none can be made.
    """
    request = await compose(db)
    opened = await _first(db, work, request, prices, process)
    if opened is not None:
        return opened
    async with db.transaction() as tx:
        return await _another(tx, work, request, prices, process)


async def _first(db: Database, work: Assignment, request: ChatRequest, prices: Prices, process: str) -> OpenCall | None:
    """Open the round's first call; None when it was begun before or its grant pays for no call."""
    tokens = _affordable(work, request, prices, _NOTHING)
    if tokens < MIN_OUTPUT_TOKENS:
        return None
    call = await journal.open_first(
        db, work.key, work.events, model=request.model, input_tokens=request.input_tokens, process=process
    )
    return None if call is None else _to_make(call, request, tokens, _NOTHING)


async def _another(
    tx: Tx, work: Assignment, request: ChatRequest, prices: Prices, process: str
) -> OpenCall | CallResult | CallFailed:
    """Find the answer, or close what a dead process left open and open the next call."""
    await events.append(tx, work.key.request_id, work.events)
    begun = await journal.begin(
        tx,
        work.key,
        model=request.model,
        input_tokens=request.input_tokens,
        process=process,
        price_of=prices.of,
    )
    if isinstance(begun, Finished):
        return await _replayed(tx, work, begun)
    await _record_lost(tx, work, begun)
    earlier = await _earlier(tx, work, begun.call)
    tokens = _affordable(work, request, prices, earlier)
    if tokens < MIN_OUTPUT_TOKENS:
        await journal.fail(tx, begun.call, code=BudgetExhausted.code, usage=Usage(), cost_micros=0)
        return CallFailed(BudgetExhausted("the budget does not pay for another model call"), earlier.cost_micros)
    return _to_make(begun.call, request, tokens, earlier)


def cost_event(
    work: Assignment, call: Call, model: str, usage: Usage, micros: int, *, simulated: bool = False
) -> Event:
    """Return the event that tells what a call cost; the same call's is stored once. `simulated`: by no real model."""
    return Event(
        source=f"cost/{call.id}",
        source_seq=1,
        type=EventType.COST,
        data={
            "v": 1,
            "step_id": work.step_id,
            "call_id": call.id,
            "micros": micros,
            "usage": usage.model_dump(mode="json"),
            "model": model,
            "simulated": simulated,
        },
    )


def _to_make(call: Call, request: ChatRequest, tokens: int, earlier: Earlier) -> OpenCall:
    return OpenCall(call, replace(request, max_output_tokens=tokens, idempotency_key=call.id), earlier)


def _affordable(work: Assignment, request: ChatRequest, prices: Prices, earlier: Earlier) -> int:
    left = None if work.grant_micros is None else work.grant_micros - earlier.cost_micros
    return affordable_output(left, request.input_tokens, prices.of(request.model), request.max_output_tokens)


async def _record_lost(tx: Tx, work: Assignment, begun: Opened) -> None:
    if begun.lost:
        lost = [cost_event(work, each.call, each.model, each.usage, each.cost_micros) for each in begun.lost]
        await events.append(tx, work.key.request_id, lost)


async def _replayed(tx: Tx, work: Assignment, begun: Finished) -> CallResult:
    earlier, answer = await _earlier(tx, work, begun.call), begun.answer
    return CallResult(
        text=await blobs.load(tx, answer.text),
        stored=answer.text,
        finish_reason=answer.finish_reason,
        refused=answer.refused,
        usage=answer.usage,
        cost_micros=answer.cost_micros + earlier.cost_micros,
        replayed=True,
    )


async def _earlier(tx: Tx, work: Assignment, call: Call) -> Earlier:
    """Sum up the attempts before this one; the usual first attempt costs no query."""
    if call.n == 1:
        return _NOTHING
    key = work.key
    all_calls = await call_views.calls(tx, work.owner, key.request_id)
    rows = [row for row in all_calls if (row.slot, row.round) == (key.slot, key.round) and row.n < call.n]
    return Earlier(sum(row.cost_micros for row in rows), work.streams and any(row.usage.output_tokens for row in rows))
