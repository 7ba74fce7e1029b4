import asyncio
import random

import pytest

from domain.errors import NotFound
from domain.events import EventType
from services.storage import events
from services.storage.database import Database
from services.storage.events import StoredEvent
from tests.storage.samples import accepted, append, event, log, new_id, phase


class _ChangedMindError(Exception):
    pass


async def test_numbers_are_gapless_although_writers_race_and_fail(db: Database) -> None:
    request_id = await accepted(db)
    dice = random.Random(7)
    plans = [(f"step/s{number}", dice.random() < 0.4) for number in range(50)]
    await asyncio.gather(*(_append_or_fail(db, request_id, source, fails) for source, fails in plans))
    stored = await log(db, request_id)
    kept = sum(not fails for _, fails in plans)
    assert [item.seq for item in stored] == list(range(1, 2 + 3 * kept))
    assert [item.at for item in stored] == sorted(item.at for item in stored)


async def _append_or_fail(db: Database, request_id: str, source: str, fails: bool) -> None:
    try:
        async with db.transaction() as tx:
            await events.append(tx, request_id, [phase("running", source, number) for number in range(3)])
            await asyncio.sleep(0)
            _give_up(fails)
    except _ChangedMindError:
        pass


def _give_up(fails: bool) -> None:
    if fails:
        raise _ChangedMindError


async def test_a_repeated_event_is_stored_once_and_folded_once(db: Database) -> None:
    request_id = await accepted(db)
    cost = event(EventType.COST, "call/x", 1, step_id="s1", call_id="x", micros=5)
    first = await append(db, request_id, cost, cost)
    again = await append(db, request_id, cost, phase("running", "wf", 1))
    assert [item.seq for item in first] == [2]
    assert [(item.seq, item.type) for item in again] == [(3, EventType.REQUEST_PHASE)]
    async with db.transaction() as tx:
        assert await tx.driver.fetchval("SELECT cost_micros FROM request WHERE id = $1", request_id) == 5


async def test_racing_repeats_are_stored_once(db: Database) -> None:
    request_id = await accepted(db)
    same = [phase("running", "wf", number) for number in range(5)]
    stored = await asyncio.gather(*(append(db, request_id, *same) for _ in range(20)))
    assert sum(len(new) for new in stored) == 5
    assert [item.seq for item in await log(db, request_id)] == [1, 2, 3, 4, 5, 6]


async def test_what_is_returned_is_what_is_read(db: Database) -> None:
    request_id = await accepted(db)
    returned = await append(db, request_id, phase("running"), event(EventType.TEXT_DELTA, text="å\n🙂"))
    assert await log(db, request_id) == [*(await log(db, request_id))[:1], *returned]
    async with db.transaction() as tx:
        assert await events.read(tx, request_id, 1, 1) == returned[:1]


async def test_an_unknown_request_is_not_found(db: Database) -> None:
    with pytest.raises(NotFound):
        await append(db, new_id(), phase("running"))


async def test_nothing_to_append_is_no_error(db: Database) -> None:
    assert await append(db, new_id()) == []


async def test_a_sub_request_is_made_from_its_first_event(db: Database) -> None:
    parent, child = await accepted(db), new_id()
    first = event(
        EventType.REQUEST_ACCEPTED,
        "wf",
        1,
        message={"text": "Part", "ref": None, "size": 4},
        owner="owner-a",
        options={},
        conversation_id=None,
        user_id="u1",
        parent={"request_id": parent, "step_id": "s2", "launch": 1},
        depth=1,
        simulated=True,
    )
    await asyncio.gather(*(append(db, child, first, phase("planning", "wf", 2)) for _ in range(5)))
    assert [item.seq for item in await log(db, child)] == [1, 2]
    async with db.transaction() as tx:
        row = await tx.driver.fetchrow("SELECT * FROM request WHERE id = $1", child)
    assert row is not None
    assert (row["parent_id"], row["parent_step_id"], row["depth"]) == (parent, "s2", 1)
    assert (row["user_id"], row["simulated"], row["phase"]) == ("u1", True, "planning")


async def test_a_nul_and_a_lone_surrogate_do_not_break_the_log(db: Database) -> None:
    request_id = await accepted(db)
    await append(db, request_id, event(EventType.TEXT_DELTA, text="a\0b", parts=["\0"]))
    await append(db, request_id, event(EventType.TEXT_DELTA, text="b\ud83dc"))
    assert [item.data["text"] for item in (await log(db, request_id))[1:]] == ["a\ufffdb", "b\ufffdc"]


async def test_readers_page_through_the_log(db: Database) -> None:
    request_id = await accepted(db)
    await append(db, request_id, *(phase("running") for _ in range(10)))
    pages: list[StoredEvent] = []
    async with db.transaction() as tx:
        while page := await events.read(tx, request_id, len(pages), 4):
            pages += page
    assert [item.seq for item in pages] == list(range(1, 12))
