import asyncio
import time

import pytest

from domain.events import EventType
from services.storage import event_writer
from services.storage.channel import MAX_PAYLOAD, payloads, request_ids
from services.storage.database import Database
from services.storage.event_writer import EventWriter
from services.storage.events import StoredEvent
from tests.storage.cable import Cable
from tests.storage.samples import accepted, append, log, new_id, phase


def _text(stored: list[StoredEvent], call_id: str) -> str:
    return "".join(item.data.get("text", "") for item in stored if item.data.get("call_id") == call_id)


async def test_settled_text_is_stored_whole_and_in_order(db: Database) -> None:
    writer = EventWriter(db)
    await writer.start()
    ids = [await accepted(db) for _ in range(8)]
    await asyncio.gather(*(_stream(writer, request_id) for request_id in ids))
    for request_id in ids:
        stored = await log(db, request_id)
        assert _text(stored, request_id) == "".join(f"{number} " for number in range(300))
        assert [item.seq for item in stored] == list(range(1, len(stored) + 1))
        assert len(stored) < 150, "deltas between two flushes become one event"
    await writer.close()


async def _stream(writer: EventWriter, request_id: str) -> None:
    for number in range(300):
        await writer.delta(request_id, "s1", request_id, f"{number} ")
        if number % 10 == 0:
            await asyncio.sleep(0.001)
    await writer.settle(request_id)


async def test_a_reset_keeps_its_place_among_the_deltas(db: Database) -> None:
    writer = EventWriter(db)
    await writer.start()
    request_id = await accepted(db)
    await writer.delta(request_id, None, "c", "wrong")
    await writer.reset(request_id, None, "c")
    await writer.delta(request_id, None, "c", "")
    await writer.delta(request_id, None, "c", "right")
    await writer.settle("c")
    kinds = [(item.type, item.data.get("text")) for item in (await log(db, request_id))[1:]]
    assert kinds == [(EventType.TEXT_DELTA, "wrong"), (EventType.TEXT_RESET, None), (EventType.TEXT_DELTA, "right")]
    await writer.close()


async def test_text_taken_back_is_the_callers_to_store_and_given_back_the_writers(db: Database) -> None:
    writer = EventWriter(db)
    request_id = await accepted(db)
    await writer.delta(request_id, None, "c", "quick")
    await writer.delta(request_id, None, "other", "slow")
    taken = await writer.take("c")
    assert [(item.type, item.data["text"]) for item in taken] == [(EventType.TEXT_DELTA, "quick")]
    assert await writer.take("c") == ()
    await writer.start()
    await writer.settle("other")
    assert _text(await log(db, request_id), "c") == ""
    for _ in range(2):
        writer.give_back(request_id, taken)
        await writer.delta(request_id, None, "c", " and more")
        await writer.settle("c")
    assert _text(await log(db, request_id), "c") == "quick and more and more"
    await writer.close()


async def test_nothing_is_taken_back_while_earlier_text_cannot_be_stored(
    db: Database, far_db: Database, cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_writer, "_LANDED_WITHIN_S", 0.05)
    writer = EventWriter(far_db)
    await writer.start()
    request_id = await accepted(db)
    await writer.delta(request_id, None, "c", "first ")
    await asyncio.sleep(0.1)
    await writer.delta(request_id, None, "c", "second")
    assert await writer.take("c") == ()
    await cable.mend()
    await asyncio.wait_for(writer.settle("c"), 5)
    assert _text(await log(db, request_id), "c") == "first second"
    await writer.close()


async def test_settling_a_silent_call_returns_at_once(db: Database) -> None:
    await EventWriter(db).settle("nobody")


async def test_a_full_buffer_makes_the_caller_wait(db: Database) -> None:
    writer = EventWriter(db, capacity=100)
    request_id = await accepted(db)
    await writer.delta(request_id, None, "c", "x" * 100)
    waiting = asyncio.create_task(writer.delta(request_id, None, "c", "y"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await writer.start()
    await asyncio.wait_for(waiting, 5)
    await writer.close()
    assert _text(await log(db, request_id), "c") == "x" * 100 + "y"


async def test_text_survives_lost_connections(database_url: str, db: Database) -> None:
    mine = Database(database_url, pool_size=1)
    writer = EventWriter(mine)
    await writer.start()
    request_id = await accepted(db)
    killer = asyncio.create_task(_kill_for(db, mine, 0.5))
    for number in range(100):
        await writer.delta(request_id, None, "c", f"{number} ")
        await asyncio.sleep(0.005)
    await killer
    await writer.settle("c")
    assert _text(await log(db, request_id), "c") == "".join(f"{number} " for number in range(100))
    await writer.close()
    await mine.close()


async def _kill_for(db: Database, victim: Database, seconds: float) -> None:
    """Terminate whatever connection `victim` has, again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        async with victim.transaction() as tx:
            pid = await tx.driver.fetchval("SELECT pg_backend_pid()")
        async with db.transaction() as tx:
            await tx.driver.execute("SELECT pg_terminate_backend($1)", pid)
        await asyncio.sleep(0.02)


async def test_text_is_kept_while_the_database_is_away(
    db: Database, far_db: Database, cable: Cable, caplog: pytest.LogCaptureFixture
) -> None:
    writer = EventWriter(far_db)
    await writer.start()
    request_id = await accepted(db)
    for outage in range(3):
        await writer.delta(request_id, None, "c", f"kept {outage} ")
        settling = asyncio.create_task(writer.settle("c"))
        await asyncio.sleep(0.1)
        assert not settling.done()
        await cable.mend()
        await asyncio.wait_for(settling, 5)
        await cable.cut()
    assert _text(await log(db, request_id), "c") == "kept 0 kept 1 kept 2 "
    await writer.close()
    assert not caplog.records


async def test_close_gives_up_after_its_time_and_says_so(tmp_path: object, caplog: pytest.LogCaptureFixture) -> None:
    writer = EventWriter(Database(f"postgresql://postgres@/x?host={tmp_path}"))
    await writer.start()
    await writer.delta(new_id(), None, "c", "lost")
    await asyncio.sleep(0.05)
    await writer.close(within_s=0.1)
    assert "unsent text" in caplog.text


async def test_text_of_an_unknown_request_does_not_stop_others(db: Database) -> None:
    writer = EventWriter(db)
    await writer.start()
    request_id = await accepted(db)
    await writer.delta(new_id(), None, "nobody", "x")
    await writer.delta(request_id, None, "c", "y")
    await writer.settle("c")
    assert _text(await log(db, request_id), "c") == "y"
    await writer.close()


async def test_a_batch_that_the_database_refuses_does_not_stop_others(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    writer = EventWriter(db)
    await writer.start()
    request_id = await accepted(db)
    await writer.delta("not\0an id", None, "bad", "x")
    await writer.settle("bad")
    await writer.delta(request_id, None, "c", "y")
    await writer.settle("c")
    assert _text(await log(db, request_id), "c") == "y"
    assert "dropped" in caplog.text
    await writer.close()


async def test_long_text_is_split_into_events(db: Database) -> None:
    writer = EventWriter(db)
    request_id = await accepted(db)
    for _ in range(5):
        await writer.delta(request_id, None, "c", "z" * 32 * 1024)
    await writer.start()
    await writer.settle("c")
    assert len(await log(db, request_id)) == 6
    await writer.close()


async def test_an_append_is_announced(db: Database) -> None:
    heard: list[str] = []
    db.announce_to(heard.append)
    request_id = await accepted(db)
    await append(db, request_id, phase("running", "wf", 1))
    await append(db, request_id, phase("running", "wf", 1))
    assert heard == [request_id, request_id], "a repeated append changes nothing and announces nothing"


def test_ids_are_packed_into_payloads_that_postgresql_takes() -> None:
    ids = [new_id() for _ in range(1000)]
    packed = payloads(ids)
    assert all(len(line.encode()) <= MAX_PAYLOAD for line in packed)
    assert sorted(request_id for line in packed for request_id in request_ids(line)) == sorted(ids)
    assert payloads([]) == []
    assert request_ids("") == []
