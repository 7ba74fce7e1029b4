"""Orphaned holds are closed by evidence, once; what works is left alone, whatever its hold's age."""

import asyncio
import secrets
import time

import pytest

from domain import ids
from domain.budget import cost
from domain.content import Text
from domain.errors import Unavailable
from domain.events import Event, EventType
from domain.gateway import CallOptions
from domain.ledger import Charge, Estimate, Payer
from domain.request import Options
from services.ledger import invariants, reconciling
from services.ledger.reconciling import Closed, Graces
from services.storage import events, gateway_calls, requests
from services.storage.gateway_calls import NewCall
from services.storage.requests import Idempotency, NewRequest
from tests.ledger.books import PRICE, USAGE, Books, Terms

AT_ONCE = Graces(start_s=0, look_s=0)
COST = cost(USAGE, PRICE)
INPUT = USAGE.input_tokens
"""What a lost call costs that has said nothing: its input."""


async def gone(_: str) -> bool:
    return False


async def runs(_: str) -> bool:
    return True


async def sound(books: Books) -> bool:
    return not any(finding.rows for finding in await invariants.check(books.db))


async def due(books: Books, graces: Graces = AT_ONCE) -> list[str]:
    return list(await reconciling.due(books.db, 100, graces))


async def balance(books: Books, payer: Payer) -> tuple[int, int]:
    assert payer.wallet is not None
    return await books.till.balance(payer.wallet)


async def accepted_request(books: Books, payer: Payer, key: Idempotency | None = None) -> str:
    request_id = ids.request_id(time.time_ns() // 1_000_000, secrets.randbits(80))
    charge = Charge(payer, Estimate(100, 100))
    new = NewRequest(request_id, payer.user, Text.inline("hello"), Options(), charge=charge)
    async with books.db.transaction() as tx:
        return (await requests.accept(tx, new, key)).request_id


async def test_a_call_whose_workflow_is_gone_pays_for_what_was_lost_and_gets_the_rest_back(books: Books) -> None:
    payer = await books.payer(1000)
    call_id = await books.accept(Terms(payer))
    await books.close(await books.open(call_id))
    await books.open(call_id, 2)
    assert await due(books) == [call_id]
    closed = await reconciling.reconcile(books.db, call_id, gone)
    assert closed == Closed(posted_micros=INPUT, released_micros=100 - COST - INPUT)
    assert await balance(books, payer) == (1000 - COST - INPUT, 0)
    view = await gateway_calls.read(books.db, payer.user, call_id)
    assert view.outcome is not None
    assert view.outcome.error is not None
    assert (view.outcome.phase, view.outcome.error.code) == ("failed", "lost")
    assert view.outcome.error.status == 503
    assert await sound(books)
    assert await due(books) == []


async def test_what_ended_while_a_call_of_a_dead_process_was_open_pays_for_it(books: Books) -> None:
    payer = await books.payer(1000)
    call_id = await books.accept(Terms(payer))
    await books.open(call_id)
    await books.end(call_id)
    assert await balance(books, payer) == (900, 100), "what the open call costs is not known yet"
    assert await due(books, Graces(start_s=3600, look_s=3600)) == [call_id]
    closed = await reconciling.reconcile(books.db, call_id, gone)
    assert closed == Closed(posted_micros=INPUT, released_micros=100 - INPUT)
    assert await balance(books, payer) == (1000 - INPUT, 0)
    assert await sound(books)
    assert await due(books) == []


async def test_an_open_call_is_paid_for_though_nothing_was_held_for_it(books: Books) -> None:
    payer = Payer(await books.till.open(floor=None), *(secrets.token_hex(8) for _ in range(3)))
    call_id = await books.accept(Terms(payer))
    await books.close(await books.open(call_id))
    await books.open(call_id, 2)
    assert await due(books) == [], "a credit line without end"
    await books.end(call_id)
    assert await due(books, Graces(start_s=3600, look_s=3600)) == [call_id]
    assert await sound(books)
    assert await reconciling.reconcile(books.db, call_id, gone) == Closed(posted_micros=INPUT, released_micros=0)
    assert payer.wallet is not None
    assert (await books.till.sums(payer.wallet))["revenue"] == COST + INPUT
    assert await sound(books)
    assert await due(books) == []


async def test_the_last_call_to_close_after_the_end_gives_back_the_rest(books: Books) -> None:
    payer = await books.payer(1000)
    call_id = await books.accept(Terms(payer))
    first, second = await books.open(call_id), await books.open(call_id, 2)
    await books.end(call_id)
    await books.close(first)
    assert await balance(books, payer) == (900, 100 - COST)
    await books.close(second)
    assert await balance(books, payer) == (1000 - 2 * COST, 0)
    assert await due(books) == []
    assert await sound(books)


async def test_a_hold_is_closed_once_by_any_number_of_reconcilers(books: Books) -> None:
    payer = await books.payer(1000)
    call_id = await books.accept(Terms(payer))
    await books.open(call_id)
    closed = await asyncio.gather(*(reconciling.reconcile(books.db, call_id, gone) for _ in range(5)))
    assert sum(each is not None for each in closed) == 1
    assert await balance(books, payer) == (1000 - INPUT, 0)
    assert await sound(books)


async def test_what_works_is_left_alone_though_its_time_is_over(books: Books) -> None:
    payer = await books.payer(1000)
    call_id = await books.accept(Terms(payer, expires_s=0))
    assert await reconciling.reconcile(books.db, call_id, runs) is None
    assert await balance(books, payer) == (900, 100)
    assert await due(books, Graces(start_s=3600, look_s=3600)) == []
    assert await due(books) == [call_id]


async def test_a_place_at_a_model_is_work_though_the_workflow_is_gone(books: Books) -> None:
    payer = await books.payer(1000)
    call_id = await books.accept(Terms(payer))
    opened = await books.open(call_id)
    await books.db.fetch(
        "INSERT INTO lease (id, call_id, deployment_id, account_id, route, owner, process, expires_at) "
        "VALUES ('l', $1, 'd', 'a', 'r', 'o', 'p', clock_timestamp() + interval '1 minute')",
        f"{call_id}/call/1",
    )
    assert await reconciling.reconcile(books.db, call_id, gone) is None
    assert await books.close(opened) == COST
    await books.db.fetch("UPDATE lease SET ended_at = clock_timestamp()")
    assert await reconciling.reconcile(books.db, call_id, gone) == Closed(0, 100 - COST)
    assert await sound(books)


async def test_a_request_that_was_never_started_gets_all_back_and_its_key_begins_anew(books: Books) -> None:
    payer = await books.payer(1000)
    key = Idempotency("POST /v1/requests", "k", "hash")
    request_id = await accepted_request(books, payer, key)
    assert await due(books, Graces(start_s=3600)) == []
    assert await due(books) == [request_id]
    assert await reconciling.reconcile(books.db, request_id, gone) == Closed(0, 100)
    (row,) = await books.db.fetch("SELECT phase, outcome FROM request WHERE id = $1", request_id)
    assert (row["phase"], row["outcome"]["reason"]) == ("failed", "not_started")
    again = await accepted_request(books, payer, key)
    assert again != request_id
    assert await balance(books, payer) == (900, 100)
    assert await accepted_request(books, payer, key) == again


async def test_a_call_that_was_never_started_is_made_anew_by_its_key(books: Books) -> None:
    payer = await books.payer(1000)
    key = Idempotency("POST /v1/chat/completions", "k", "hash")

    async def accept() -> str:
        new = NewCall(Terms(payer).call_id, payer.user, "{}", CallOptions(model="m"), key, Charge(payer, Estimate(100)))
        return (await gateway_calls.accept(books.db, new)).call_id

    first = await accept()
    assert await reconciling.reconcile(books.db, first, gone) == Closed(0, 100)
    assert await accept() != first
    assert await balance(books, payer) == (900, 100)


async def test_sub_requests_are_asked_for_and_closed_with_their_root(books: Books) -> None:
    payer = await books.payer(1000)
    root = await accepted_request(books, payer)
    child = ids.request_id(time.time_ns() // 1_000_000, secrets.randbits(80))
    await books.till.row(child, payer, root)
    await books.open(child)
    asked: list[str] = []

    async def child_runs(workflow_id: str) -> bool:
        asked.append(workflow_id)
        return workflow_id == child

    assert await reconciling.reconcile(books.db, root, child_runs) is None
    assert set(asked) == {root, child}
    assert await reconciling.reconcile(books.db, root, gone) == Closed(INPUT, 100 - INPUT)
    rows = await books.db.fetch("SELECT phase, outcome FROM request WHERE id IN ($1, $2)", root, child)
    assert {row["outcome"]["reason"] for row in rows} == {"lost", "not_started"}
    assert await sound(books)


async def test_an_ended_requests_hold_is_released_and_an_unposted_call_charged(books: Books) -> None:
    payer = await books.payer(1000)
    call_id = await books.accept(Terms(payer))
    await books.close(await books.open(call_id))
    async with books.db.transaction() as tx:
        await tx.driver.execute("SET LOCAL session_replication_role = replica")
        await tx.driver.execute("UPDATE request SET finished_at = clock_timestamp(), phase = 'done'")
        await tx.driver.execute("UPDATE model_call SET round = 7")
    assert await due(books, Graces()) == [call_id]
    assert await reconciling.reconcile(books.db, call_id, runs) == Closed(COST, 100 - 2 * COST)
    assert await balance(books, payer) == (1000 - 2 * COST, 0)


async def test_those_that_were_not_looked_at_for_longest_come_first(books: Books) -> None:
    payer = await books.payer(1000)
    first, second, third = [await books.accept(Terms(payer)) for _ in range(3)]
    assert await reconciling.due(books.db, 2, AT_ONCE) == [first, second]
    for looked_at in (first, second):
        assert await reconciling.reconcile(books.db, looked_at, runs) is None
    assert await reconciling.due(books.db, 2, AT_ONCE) == [third, first], "many that work keep nobody waiting"


async def test_what_grows_while_its_workflow_is_asked_for_is_alive(books: Books) -> None:
    payer = await books.payer(1000)
    request_id = await accepted_request(books, payer)

    async def starts_just_now(_: str) -> bool:
        begun = Event(source="wf", source_seq=1, type=EventType.REQUEST_PHASE, data={"v": 1, "phase": "running"})
        await events.append(books.db, request_id, [begun])
        return False

    assert await reconciling.reconcile(books.db, request_id, starts_just_now) is None
    assert await balance(books, payer) == (900, 100)
    assert await reconciling.reconcile(books.db, request_id, gone) == Closed(0, 100)


async def test_nothing_is_closed_while_nobody_knows_the_workflows(books: Books) -> None:
    async def silent(_: str) -> bool:
        raise Unavailable("Temporal does not answer")

    payer = await books.payer(1000)
    call_id = await books.accept(Terms(payer))
    with pytest.raises(Unavailable):
        await reconciling.reconcile(books.db, call_id, silent)
    assert await balance(books, payer) == (900, 100)


async def test_an_audit_entry_tells_of_each(books: Books) -> None:
    payer = await books.payer(1000)
    call_id = await books.accept(Terms(payer))
    await reconciling.reconcile(books.db, call_id, gone)
    (row,) = await books.db.fetch("SELECT actor, action, details FROM audit_entry WHERE object_id = $1", call_id)
    assert (row["actor"], row["action"]) == ("reconcile", "hold.close")
    assert row["details"] == {"wallet": payer.wallet, "posted_micros": 0, "released_micros": 100}
