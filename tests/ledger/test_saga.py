"""Hold, work, post, release: in the statements by which calls and requests are accepted, journaled and ended."""

import secrets
import time

import pytest

from domain import ids
from domain.budget import Price, Usage, cost
from domain.caller_errors import FundsOnHold, InsufficientFunds
from domain.content import Text
from domain.events import Event, EventType
from domain.gateway import CallOptions
from domain.ledger import REQUEST_MICROS, Charge, Estimate, Payer
from domain.request import Options
from services.storage import charges, events, gateway_calls, journal, requests
from services.storage.database import Database
from services.storage.gateway_calls import AcceptedCall, NewCall
from services.storage.journal import Answer, Call, CallKey, Opened, Sent
from services.storage.requests import Accepted, Idempotency, NewRequest
from tests.ledger.till import Till, fresh

PRICE = Price(input_micros=1_000_000, output_micros=2_000_000)
USAGE = Usage(input_tokens=10, output_tokens=20)
COST = cost(USAGE, PRICE)
SENT = Sent(model="m", input_tokens=10, process="test", price=PRICE)


def call_id() -> str:
    return ids.gateway_call_id(time.time_ns() // 1_000_000, secrets.randbits(80))


async def accept(
    db: Database, payer: Payer, micros: int, key: str | None = None, least: int | None = None
) -> AcceptedCall:
    idempotency = None if key is None else Idempotency("POST /v1/chat/completions", key, "hash")
    charge = Charge(payer, Estimate(micros, micros if least is None else least))
    new = NewCall(call_id(), payer.user, "{}", CallOptions(model="m"), idempotency, charge)
    return await gateway_calls.accept(db, new)


async def opened(db: Database, request_id: str, slot: str = "call") -> Call:
    call = await journal.open_first(db, CallKey(request_id, slot, 1), (), SENT)
    assert call is not None
    return call


async def answered(db: Database, call: Call) -> bool:
    text = Text.inline("an answer")
    answer = Answer(text=text, finish_reason="stop", refused=False, usage=USAGE, cost_micros=COST, model="m")
    return await journal.finish(db, call, answer)


async def ended(db: Database, request_id: str, *, phase: str = "done", of: EventType = EventType.CALL_FINISHED) -> None:
    outcome = {"phase": phase, "cost_micros": 0}
    end = Event(source="end", source_seq=1, type=of, data={"v": 1, "outcome": outcome})
    async with db.transaction() as tx:
        await events.append(tx, request_id, [end])


async def new_request(db: Database, payer: Payer, options: Options | None = None, key: str | None = None) -> Accepted:
    wanted = Options() if options is None else options
    estimate = Estimate(REQUEST_MICROS if wanted.budget_micros is None else wanted.budget_micros, 1)
    new = NewRequest(
        ids.request_id(time.time_ns() // 1_000_000, secrets.randbits(80)),
        payer.user,
        Text.inline("Say hello"),
        wanted,
        charge=Charge(payer, estimate),
    )
    async with db.transaction() as tx:
        return await requests.accept(tx, new, None if key is None else Idempotency("POST /v1/requests", key, "hash"))


async def test_a_call_is_held_posted_and_released(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    accepted = await accept(till.db, payer, 400)
    assert accepted.held_micros == 400
    view = await gateway_calls.read(till.db, payer.user, accepted.call_id)
    assert view.options.grant_micros == 400, "whoever starts it later knows its bound"
    assert await till.balance(payer.wallet) == (600, 400)
    call = await opened(till.db, accepted.call_id)
    assert await answered(till.db, call)
    assert await till.balance(payer.wallet) == (600, 400 - COST)
    await ended(till.db, accepted.call_id)
    assert await till.balance(payer.wallet) == (1000 - COST, 0)
    assert not await answered(till.db, call), "the journal's row is closed"
    assert await till.balance(payer.wallet) == (1000 - COST, 0)


async def test_a_call_that_is_not_paid_for_leaves_nothing_behind(till: Till) -> None:
    payer = await till.payer(1000)
    first = await accept(till.db, payer, 800, "key-1")
    with pytest.raises(FundsOnHold):
        await accept(till.db, payer, 300, "key-2")
    with pytest.raises(InsufficientFunds):
        await accept(till.db, payer, 3000, "key-2")
    await ended(till.db, first.call_id)
    again = await accept(till.db, payer, 300, "key-2")
    assert again.created, "the key was not used up by the refusals"


async def test_a_repeated_key_is_held_once(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    first = await accept(till.db, payer, 400, "key-1")
    second = await accept(till.db, payer, 400, "key-1")
    assert (second.call_id, second.created, second.held_micros) == (first.call_id, False, 400)
    assert await till.balance(payer.wallet) == (600, 400)


async def test_a_failed_call_is_charged_for_what_it_used_and_for_nothing_else(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    for usage in (USAGE, Usage()):
        accepted = await accept(till.db, payer, 400)
        call = await opened(till.db, accepted.call_id)
        await journal.fail(till.db, call, code="cancelled", usage=usage, cost_micros=cost(usage, PRICE))
        await ended(till.db, accepted.call_id, phase="cancelled")
    assert await till.balance(payer.wallet) == (1000 - COST, 0)


async def test_a_lost_call_is_charged_by_the_text_that_was_delivered(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    accepted = await accept(till.db, payer, 400)
    first = await opened(till.db, accepted.call_id)
    chunk = Event(
        source=f"call/{first.id}",
        source_seq=1,
        type=EventType.CALL_CHUNK,
        data={"v": 1, "call_id": first.id, "first": 0, "chunks": [], "size": 30},
    )
    async with till.db.transaction() as tx:
        await events.append(tx, accepted.call_id, [chunk])
        begun = await journal.begin(tx, first.key, SENT)
    assert isinstance(begun, Opened)
    (lost,) = begun.lost
    assert lost.usage == Usage(input_tokens=10, output_tokens=18, estimated=True)
    await answered(till.db, begun.call)
    await ended(till.db, accepted.call_id)
    assert await till.balance(payer.wallet) == (1000 - lost.cost_micros - COST, 0)
    query = "SELECT n, usage FROM ledger_transaction WHERE kind = 'post' AND request_id = $1 ORDER BY n"
    rows = await till.db.fetch(query, accepted.call_id)
    assert [Usage.model_validate(row["usage"]) for row in rows] == [lost.usage, USAGE]


async def test_a_free_call_needs_no_hold_but_a_wallet_that_could_pay(till: Till) -> None:
    payer = await till.payer(1)
    accepted = await accept(till.db, payer, 0)
    assert accepted.held_micros is None
    assert (await gateway_calls.read(till.db, payer.user, accepted.call_id)).options.grant_micros is None
    await till.db.fetch("UPDATE wallet SET closed_at = clock_timestamp() WHERE id = $1", payer.wallet)
    with pytest.raises(InsufficientFunds):
        await accept(till.db, payer, 0)


async def test_who_has_no_wallet_is_not_charged(till: Till) -> None:
    payer = Payer(None, fresh("ten"), fresh("usr"), "key-id")
    accepted = await accept(till.db, payer, 400)
    assert accepted.held_micros is None
    await answered(till.db, await opened(till.db, accepted.call_id))
    await ended(till.db, accepted.call_id)
    query = "SELECT tenant, key_id, wallet_id, hold_id FROM request WHERE id = $1"
    (row,) = await till.db.fetch(query, accepted.call_id)
    assert dict(row) == {"tenant": payer.tenant, "key_id": "key-id", "wallet_id": None, "hold_id": None}


async def test_a_request_gets_as_its_budget_what_could_be_held(till: Till) -> None:
    payer = await till.payer(1000)
    accepted = await new_request(till.db, payer)
    assert accepted.held_micros == 1000
    (row,) = await till.db.fetch("SELECT options, wallet_id FROM request WHERE id = $1", accepted.request_id)
    assert (row["options"]["budget_micros"], row["wallet_id"]) == (1000, payer.wallet)
    with pytest.raises(FundsOnHold):
        await new_request(till.db, payer)


async def test_a_requests_own_budget_bounds_its_hold(till: Till) -> None:
    payer = await till.payer(1000)
    first = await new_request(till.db, payer, Options(budget_micros=300), key="key-1")
    again = await new_request(till.db, payer, Options(budget_micros=300), key="key-1")
    assert (first.held_micros, again.held_micros, again.created) == (300, 300, False)
    await ended(till.db, first.request_id, of=EventType.REQUEST_FINISHED)
    assert payer.wallet is not None
    assert await till.balance(payer.wallet) == (1000, 0)


async def test_a_sub_request_is_paid_by_its_roots_hold(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    root = (await new_request(till.db, payer, Options(budget_micros=300))).request_id
    child = ids.request_id(time.time_ns() // 1_000_000, secrets.randbits(80))
    parent = {"request_id": root, "step_id": "a", "launch": 1}
    data = {"v": 1, "message": {"text": "x"}, "owner": payer.user, "parent": parent, "depth": 1}
    async with till.db.transaction() as tx:
        accepted = Event(source="wf", source_seq=1, type=EventType.REQUEST_ACCEPTED, data=data)
        await events.append(tx, child, [accepted])
    await answered(till.db, await opened(till.db, child, "@understand"))
    assert await charges.root_of(till.db, child) == root
    assert await till.balance(payer.wallet) == (700, 300 - COST)
    await ended(till.db, child, of=EventType.REQUEST_FINISHED)
    assert await till.balance(payer.wallet) == (700, 300 - COST), "the root's hold goes on"
    await ended(till.db, root, of=EventType.REQUEST_FINISHED)
    assert await till.balance(payer.wallet) == (1000 - COST, 0)
    assert await charges.root_of(till.db, fresh("req")) is None


async def test_folding_the_log_again_books_nothing_twice(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    accepted = await accept(till.db, payer, 400)
    await answered(till.db, await opened(till.db, accepted.call_id))
    await ended(till.db, accepted.call_id)
    before = await till.db.fetch("SELECT * FROM request WHERE id = $1", accepted.call_id)
    await till.one("SELECT longhaul_rebuild($1)", accepted.call_id)
    assert await till.db.fetch("SELECT * FROM request WHERE id = $1", accepted.call_id) == before
    assert await till.balance(payer.wallet) == (1000 - COST, 0)


async def test_a_raised_budget_raises_the_hold_once(till: Till) -> None:
    payer = await till.payer(1000)
    accepted = await new_request(till.db, payer, Options(budget_micros=300))
    assert await charges.extend(till.db, accepted.request_id, 500) == 500
    assert await charges.extend(till.db, accepted.request_id, 500) == 500
    assert payer.wallet is not None
    assert await till.balance(payer.wallet) == (500, 500)
