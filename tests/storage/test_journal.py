import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from domain import ids
from domain.budget import Price, Usage, cost, estimate_tokens
from domain.content import Text
from domain.errors import NotFound
from domain.events import EventType
from services.storage import blobs, journal
from services.storage.database import Database
from services.storage.event_writer import EventWriter
from services.storage.journal import Answer, Begun, Call, CallKey, Finished, Opened, Sent
from services.storage.views import calls
from services.storage.views.calls import CallState
from tests.storage.samples import OWNER, accepted, log, new_id, phase

PRICES = {
    "small": Price(input_micros=1_000_000, output_micros=2_000_000),
    "large": Price(input_micros=9_000_000, output_micros=9_000_000),
}


async def _begin(db: Database, key: CallKey, model: str = "small") -> Begun:
    async with db.transaction() as tx:
        return await journal.begin(tx, key, _sent(model))


def _sent(model: str) -> Sent:
    return Sent(model=model, input_tokens=100, process="test", deployment="d1", price=PRICES[model])


async def _opened(db: Database, key: CallKey, model: str = "small") -> Opened:
    begun = await _begin(db, key, model)
    assert isinstance(begun, Opened)
    return begun


def _answer(text: str = "Paris") -> Answer:
    usage = Usage(input_tokens=90, cached_tokens=5, output_tokens=3)
    return Answer(
        text=Text.inline(text), finish_reason="stop", refused=False, usage=usage, cost_micros=96, model="small-2026"
    )


async def _finish(db: Database, call: Call, answer: Answer) -> bool:
    async with db.transaction() as tx:
        return await journal.finish(tx, call, answer)


async def _key(db: Database, round_no: int = 1) -> CallKey:
    return CallKey(await accepted(db), "s1", round_no)


async def test_a_first_call_gets_the_first_number(db: Database) -> None:
    key = await _key(db)
    opened = await _opened(db, key)
    assert opened == Opened(Call(ids.call_id(key.request_id, "s1", 1, 1), key, 1))


async def test_a_rounds_first_call_is_opened_with_its_events_in_one_statement(db: Database) -> None:
    key = await _key(db)
    heard: list[str] = []
    db.announce_to(heard.append)
    call = await _open_first(db, key)
    assert call == Call(ids.call_id(key.request_id, "s1", 1, 1), key, 1)
    assert await _open_first(db, key) is None, "the round was begun before"
    assert [entry.type for entry in await log(db, key.request_id)][1:] == [EventType.REQUEST_PHASE]
    assert heard == [key.request_id], "a repeated append announces nothing"
    again = await _opened(db, key)
    assert (again.call.n, [lost.call for lost in again.lost]) == (2, [call])


async def test_racing_first_calls_open_one(db: Database) -> None:
    key = await _key(db)
    opened = await asyncio.gather(*(_open_first(db, key) for _ in range(10)))
    assert len([call for call in opened if call is not None]) == 1


async def test_an_unknown_request_has_no_first_call(db: Database) -> None:
    with pytest.raises(NotFound):
        await _open_first(db, CallKey(new_id(), "s1", 1))


async def _open_first(db: Database, key: CallKey) -> Call | None:
    return await journal.open_first(db, key, (phase("running", "wf", 1),), _sent("small"))


async def test_what_an_end_brings_about_is_stored_only_if_the_call_was_open(db: Database) -> None:
    key = await _key(db)
    call = (await _opened(db, key)).call
    long, body = blobs.portable("long" * 1000)
    answer = replace(_answer(), text=long)
    assert await journal.finish(db, call, answer, body=body, events=(phase("running", "wf", 1),))
    late, late_body = blobs.portable("late" * 1000)
    late_answer = replace(_answer(), text=late)
    assert not await journal.finish(db, call, late_answer, body=late_body, events=(phase("done", "wf", 2),))
    usage = Usage(input_tokens=1)
    assert not await journal.fail(
        db, call, code="cancelled", usage=usage, cost_micros=1, events=(phase("done", "wf", 3),)
    )
    assert await blobs.load(db, long) == "long" * 1000
    with pytest.raises(NotFound):
        await blobs.load(db, late)
    assert [entry.data.get("phase") for entry in await log(db, key.request_id)][1:] == ["running"]


async def test_a_finished_call_is_replayed_and_never_opened_again(db: Database) -> None:
    key = await _key(db)
    opened = await _opened(db, key)
    assert await _finish(db, opened.call, _answer())
    for _ in range(3):
        assert await _begin(db, key, "large") == Finished(opened.call, _answer())


async def test_other_rounds_slots_and_requests_are_other_calls(db: Database) -> None:
    key = await _key(db)
    await _finish(db, (await _opened(db, key)).call, _answer())
    for other in (CallKey(key.request_id, "s1", 2), CallKey(key.request_id, "s1@evaluate", 1), await _key(db)):
        assert (await _opened(db, other)).call.n == 1


async def test_a_lost_call_is_closed_by_what_was_sent_and_what_arrived(db: Database) -> None:
    key = await _key(db)
    first = await _opened(db, key)
    delivered = "Bonjour, le monde. " * 20
    await _stream(db, key.request_id, first.call.id, delivered)
    again = await _opened(db, key, "large")
    usage = Usage(input_tokens=100, output_tokens=estimate_tokens(delivered), estimated=True)
    price = PRICES["small"]
    assert again.call.n == 2
    assert again.lost == (journal.Lost(first.call, "small", usage, cost(usage, price)),)
    async with db.transaction() as tx:
        rows = await calls.calls(tx, OWNER, key.request_id)
    assert [(row.state, row.cost_micros) for row in rows] == [
        (CallState.LOST, cost(usage, price)),
        (CallState.OPEN, 0),
    ]
    assert rows[0].usage == usage


async def _stream(db: Database, request_id: str, call_id: str, text: str) -> None:
    writer = EventWriter(db)
    await writer.start()
    for start in range(0, len(text), 50):
        await writer.delta(request_id, "s1", call_id, text[start : start + 50])
        await writer.settle(call_id)
    await writer.close()


async def test_a_lost_call_without_any_text_costs_its_input(db: Database) -> None:
    key = await _key(db)
    await _begin(db, key)
    (lost,) = (await _opened(db, key)).lost
    assert lost.usage == Usage(input_tokens=100, estimated=True)
    assert lost.cost_micros == 100


async def test_a_process_that_was_given_up_cannot_finish_its_call(db: Database) -> None:
    key = await _key(db)
    slow = await _opened(db, key)
    quick = await _opened(db, key)
    assert not await _finish(db, slow.call, _answer("too late"))
    assert not await _fail(db, slow.call)
    assert await _finish(db, quick.call, _answer("in time"))
    assert not await _finish(db, quick.call, _answer("twice"))
    replayed = await _begin(db, key)
    assert isinstance(replayed, Finished)
    assert replayed.answer.text == Text.inline("in time")


async def _fail(db: Database, call: Call) -> bool:
    async with db.transaction() as tx:
        usage = Usage(input_tokens=90)
        return await journal.fail(tx, call, code="model_unavailable", usage=usage, cost_micros=90)


async def test_a_failed_call_keeps_its_cost_and_makes_room_for_another(db: Database) -> None:
    key = await _key(db)
    assert await _fail(db, (await _opened(db, key)).call)
    second = await _opened(db, key)
    assert (second.call.n, second.lost) == (2, ())
    async with db.transaction() as tx:
        first, _ = await calls.calls(tx, OWNER, key.request_id)
    assert (first.state, first.error_code, first.cost_micros) == (CallState.FAILED, "model_unavailable", 90)
    assert (first.model, first.usage) == ("small", Usage(input_tokens=90))


async def test_racing_processes_get_different_numbers_and_one_may_finish(db: Database) -> None:
    key = await _key(db)
    opened = await asyncio.gather(*(_opened(db, key) for _ in range(10)))
    assert sorted(each.call.n for each in opened) == list(range(1, 11))
    assert sum(len(each.lost) for each in opened) == 9
    done = await asyncio.gather(*(_finish(db, each.call, _answer()) for each in opened))
    assert done.count(True) == 1


async def test_a_call_that_was_rolled_back_was_never_opened(db: Database) -> None:
    key = await _key(db)
    with pytest.raises(RuntimeError):
        await _begin_then_fail(db, key)
    assert (await _opened(db, key)).call.n == 1


async def _begin_then_fail(db: Database, key: CallKey) -> None:
    async with AsyncExitStack() as stack:
        tx = await stack.enter_async_context(db.transaction())
        await journal.begin(tx, key, _sent("small"))
        raise RuntimeError


async def test_an_unknown_request_has_no_calls(db: Database) -> None:
    with pytest.raises(NotFound):
        await _begin(db, CallKey(new_id(), "s1", 1))


async def test_costs_are_summed_by_slot_and_by_model(db: Database) -> None:
    key = await _key(db)
    await _finish(db, (await _opened(db, key)).call, _answer())
    await _fail(db, (await _opened(db, CallKey(key.request_id, "@plan", 1), "large")).call)
    await _begin(db, CallKey(key.request_id, "s2", 1))
    async with db.transaction() as tx:
        found = await calls.costs(tx, OWNER, key.request_id)
    assert found.total_micros == 186
    assert found.by_slot == {"s1": 96, "@plan": 90, "s2": 0}
    assert found.by_model == {"small-2026": 96, "large": 90, "small": 0}
    assert found.calls == 3
