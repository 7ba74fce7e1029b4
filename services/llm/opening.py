"""The first half of a journaled call: record, look for the answer, else open a call that the grant pays for.

A round's first attempt is one statement. Any other takes a transaction, which finds what became of the earlier ones.
"""

from dataclasses import dataclass, replace

from domain.budget import Price, Usage, affordable_output, cost
from domain.content import Text
from domain.errors import BudgetExhausted
from domain.events import Event
from domain.sizes import COMPLETION_TOKENS, plain_input_tokens, plain_output_tokens
from services.llm.assignment import Assignment, CallFailed, CallResult
from services.llm.chat import ChatRequest, PlainRequest
from services.llm.pool.port import Granted
from services.storage import blobs, call_costs, events, journal
from services.storage.call_costs import Spent
from services.storage.database import Database, Tx
from services.storage.failpoints import Point, around
from services.storage.journal import Call, Finished, Opened, Sent
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
    """A call to make now, as its provider is asked."""

    call: Call
    request: ChatRequest | PlainRequest
    earlier: Earlier
    granted: Granted


def input_tokens(request: ChatRequest | PlainRequest) -> int:
    """Return our upper estimate of a request's input."""
    return request.input_tokens if isinstance(request, ChatRequest) else plain_input_tokens(request.body)


async def open_call(
    db: Database, work: Assignment, request: ChatRequest | PlainRequest, granted: Granted, process: str
) -> OpenCall | CallResult | CallFailed:
    """Record the events, then find the round's answer or open a call within its grant.

    Returns:
        A call to make; or the journaled answer; or, without a call, why none can be made.
    """
    sent = Sent(
        model=granted.upstream_model,
        input_tokens=input_tokens(request),
        process=process,
        deployment=granted.deployment.id,
        price=granted.price,
    )
    tokens = _affordable(work, request, granted, _NOTHING)
    if _is_worth_asking(tokens, request):
        async with around(Point.JOURNAL_OPEN):
            call = await journal.open_first(db, work.key, work.events, sent)
        if call is not None:
            return _to_make(call, request, tokens, _NOTHING, granted)
    async with around(Point.JOURNAL_OPEN), db.transaction() as tx:
        return await _another(tx, work, request, granted, sent)


async def _another(
    tx: Tx, work: Assignment, request: ChatRequest | PlainRequest, granted: Granted, sent: Sent
) -> OpenCall | CallResult | CallFailed:
    """Find the answer, or close what a dead process left open and open the next call."""
    await events.append(tx, work.key.request_id, work.events)
    begun = await journal.begin(tx, work.key, sent)
    if isinstance(begun, Finished):
        return await _replayed(tx, work, begun)
    await _record_lost(tx, work, begun)
    earlier = await _earlier(tx, work, begun.call)
    tokens = _affordable(work, request, granted, earlier)
    if not _is_worth_asking(tokens, request):
        await journal.fail(tx, begun.call, code=BudgetExhausted.code, usage=Usage(), cost_micros=0)
        error = BudgetExhausted("the budget does not pay for another model call")
        return CallFailed(error, earlier.cost_micros, tries=begun.call.n)
    return _to_make(begun.call, request, tokens, earlier, granted)


def cost_event(
    work: Assignment, call: Call, model: str, usage: Usage, micros: int, *, simulated: bool = False
) -> Event:
    """Return the event that tells what a call cost; the same call's is stored once. `simulated`: by no real model."""
    step_id = None if work.keeps_chunks else work.step_id
    return call_costs.cost_event(call, step_id, Spent(model, usage, micros, simulated=simulated))


def _to_make(
    call: Call, request: ChatRequest | PlainRequest, tokens: int | None, earlier: Earlier, granted: Granted
) -> OpenCall:
    if isinstance(request, ChatRequest):
        request = replace(
            request,
            model=granted.upstream_model,
            max_output_tokens=tokens,
            idempotency_key=call.id,
            default_output_tokens=granted.deployment.max_output_tokens,
        )
    else:
        body = request.body if tokens is None else {**request.body, "max_tokens": tokens}
        request = replace(request, model=granted.upstream_model, idempotency_key=call.id, body=body)
    return OpenCall(call, request, earlier, granted)


def _affordable(
    work: Assignment, request: ChatRequest | PlainRequest, granted: Granted, earlier: Earlier
) -> int | None:
    """Return the bound on the answer's tokens, on each of several; None: neither the caller nor a grant sets one."""
    wanted = request.max_output_tokens if isinstance(request, ChatRequest) else None
    if work.grant_micros is None:
        return wanted
    left = work.grant_micros - earlier.cost_micros
    if isinstance(request, PlainRequest):
        return _affordable_plain(request, granted.price, left)
    most = (wanted or granted.deployment.max_output_tokens) * request.choices
    return affordable_output(left, input_tokens(request), granted.price, most) // request.choices


def _affordable_plain(request: PlainRequest, price: Price, left_micros: int) -> int | None:
    """Return 0 when the whole is not paid for; else a bound where a server might have another usual one than ours."""
    made = plain_output_tokens(request.body)
    if cost(Usage(input_tokens=input_tokens(request), output_tokens=made), price) > left_micros:
        return 0
    return COMPLETION_TOKENS if made and request.body.get("max_tokens") is None else None


def _is_worth_asking(tokens: int | None, request: ChatRequest | PlainRequest) -> bool:
    """Whether so many tokens make an answer: as many as the caller wants at most, or `MIN_OUTPUT_TOKENS`."""
    wanted = request.max_output_tokens if isinstance(request, ChatRequest) else None
    return tokens is None or tokens >= min(MIN_OUTPUT_TOKENS, wanted or MIN_OUTPUT_TOKENS)


async def _record_lost(tx: Tx, work: Assignment, begun: Opened) -> None:
    if begun.lost:
        lost = [cost_event(work, each.call, each.model, each.usage, each.cost_micros) for each in begun.lost]
        await events.append(tx, work.key.request_id, lost)


async def _replayed(tx: Tx, work: Assignment, begun: Finished) -> CallResult:
    earlier, answer = await _earlier(tx, work, begun.call), begun.answer
    return CallResult(
        text=await _text(tx, work, answer.text),
        stored=answer.text,
        finish_reason=answer.finish_reason,
        refused=answer.refused,
        usage=answer.usage,
        cost_micros=answer.cost_micros + earlier.cost_micros,
        replayed=True,
    )


async def _text(tx: Tx, work: Assignment, stored: Text) -> str:
    """Return the answer's text; chunks are not read, for who wants them reads them where they are."""
    return "" if work.keeps_chunks else await blobs.load(tx, stored)


async def _earlier(tx: Tx, work: Assignment, call: Call) -> Earlier:
    """Sum up the attempts before this one; the usual first attempt costs no query."""
    if call.n == 1:
        return _NOTHING
    key = work.key
    all_calls = await call_views.calls(tx, work.owner, key.request_id)
    rows = [row for row in all_calls if (row.slot, row.round) == (key.slot, key.round) and row.n < call.n]
    return Earlier(sum(row.cost_micros for row in rows), work.streams and any(row.usage.output_tokens for row in rows))
