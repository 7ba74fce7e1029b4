import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest_asyncio

from domain.events import EventType
from services.storage.database import Database
from services.storage.event_reader import LISTENER, EventReader
from services.storage.event_writer import EventWriter
from services.storage.events import StoredEvent
from tests.storage.cable import Cable
from tests.storage.samples import accepted, append, event, log, new_id, phase, until


@pytest_asyncio.fixture
async def reader(db: Database) -> AsyncIterator[EventReader]:
    made = EventReader(db)
    await made.start()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def writer(db: Database) -> AsyncIterator[EventWriter]:
    made = EventWriter(db)
    await made.start()
    yield made
    await made.close()


async def _follow(reader: EventReader, request_id: str, after: int = 0, pause_s: float = 0) -> list[StoredEvent]:
    """Read until the request's end."""
    seen: list[StoredEvent] = []
    async with aclosing(reader.subscribe(request_id, after)) as stream:
        async for item in stream:
            seen.append(item)
            await asyncio.sleep(pause_s)
            if item.type is EventType.REQUEST_FINISHED:
                break
    return seen


async def _finish(db: Database, request_id: str) -> None:
    await append(db, request_id, event(EventType.REQUEST_FINISHED, outcome={"phase": "done"}))


async def _write_while(db: Database, writer: EventWriter, request_id: str, rounds: int = 40) -> None:
    """Two appenders and a stream at once, then the end."""
    await asyncio.gather(
        *(_append_slowly(db, request_id, f"step/s{number}", rounds) for number in range(2)),
        _stream(writer, request_id, rounds),
    )
    await _finish(db, request_id)


async def _append_slowly(db: Database, request_id: str, source: str, rounds: int) -> None:
    for number in range(rounds):
        await append(db, request_id, phase("running", source, number))
        await asyncio.sleep(0.003)


async def _stream(writer: EventWriter, request_id: str, rounds: int) -> None:
    for number in range(rounds):
        await writer.delta(request_id, None, f"{request_id}/c", f"{number} ")
        await asyncio.sleep(0.003)
    await writer.settle(f"{request_id}/c")


async def test_subscribers_see_every_event_once_in_order_while_many_write(
    db: Database, reader: EventReader, writer: EventWriter
) -> None:
    ids = [await accepted(db) for _ in range(5)]
    followers = [asyncio.create_task(_follow(reader, request_id)) for request_id in ids for _ in range(3)]
    await asyncio.gather(*(_write_while(db, writer, request_id) for request_id in ids))
    for seen, request_id in zip(await asyncio.gather(*followers), [i for i in ids for _ in range(3)], strict=True):
        assert seen == await log(db, request_id)


async def test_a_late_subscriber_starts_where_it_says(db: Database, reader: EventReader) -> None:
    request_id = await accepted(db)
    await append(db, request_id, *(phase("running") for _ in range(1200)))
    await _finish(db, request_id)
    seen = await asyncio.wait_for(_follow(reader, request_id, after=100), 10)
    assert [item.seq for item in seen] == list(range(101, 1203))


async def test_a_slow_subscriber_misses_nothing_and_holds_nobody_up(db: Database, writer: EventWriter) -> None:
    reader = EventReader(db, queue_size=4)
    await reader.start()
    request_id = await accepted(db)
    slow = asyncio.create_task(_follow(reader, request_id, pause_s=0.01))
    fast = asyncio.create_task(_follow(reader, request_id))
    await _write_while(db, writer, request_id)
    stored = await log(db, request_id)
    assert await asyncio.wait_for(fast, 1) == stored
    assert await asyncio.wait_for(slow, 20) == stored
    await reader.close()


async def test_nothing_is_missed_when_the_listening_connection_dies(
    db: Database, reader: EventReader, writer: EventWriter
) -> None:
    request_id = await accepted(db)
    follower = asyncio.create_task(_follow(reader, request_id))
    writing = asyncio.create_task(_write_while(db, writer, request_id, rounds=150))
    for _ in range(5):
        await asyncio.sleep(0.1)
        await _kill_listener(db)
    await writing
    assert await asyncio.wait_for(follower, 5) == await log(db, request_id)
    await until(lambda: _listens(db))


async def _kill_listener(db: Database) -> None:
    async with db.transaction() as tx:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"
        await tx.driver.execute(query, LISTENER)


async def _listens(db: Database) -> bool:
    async with db.transaction() as tx:
        query = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = $1"
        return bool(await tx.driver.fetchval(query, LISTENER))


async def test_without_any_notification_the_poll_finds_events(db: Database) -> None:
    reader = EventReader(db, poll_s=0.1)
    await reader.start()
    request_id = await accepted(db)
    follower = asyncio.create_task(_follow(reader, request_id))
    await asyncio.sleep(0.3)
    await _finish(db, request_id)
    assert len(await asyncio.wait_for(follower, 2)) == 2
    await reader.close()


async def test_a_notified_event_arrives_long_before_the_poll(db: Database, writer: EventWriter) -> None:
    reader = EventReader(db, poll_s=3600)
    await reader.start()
    await until(lambda: _listens(db))
    request_id = await accepted(db)
    follower = asyncio.create_task(_follow(reader, request_id))
    await asyncio.sleep(0.3)
    await writer.delta(request_id, None, "c", "hello")
    await writer.settle("c")
    await _finish(db, request_id)
    assert len(await asyncio.wait_for(follower, 2)) == 3
    await reader.close()


async def test_a_subscription_may_come_before_its_request(db: Database, reader: EventReader) -> None:
    request_id = new_id()
    follower = asyncio.create_task(_follow(reader, request_id))
    await asyncio.sleep(0.05)
    await accepted(db, request_id=request_id)
    await _finish(db, request_id)
    assert [item.seq for item in await asyncio.wait_for(follower, 3)] == [1, 2]


async def test_closing_ends_open_subscriptions(db: Database) -> None:
    reader = EventReader(db)
    await reader.start()
    follower = asyncio.create_task(_follow(reader, await accepted(db)))
    await asyncio.sleep(0.1)
    await reader.close()
    assert len(await asyncio.wait_for(follower, 2)) == 1


async def test_an_outage_delays_events_but_loses_none(db: Database, far_db: Database, cable: Cable) -> None:
    reader = EventReader(far_db, poll_s=0.1)
    await reader.start()
    request_id = await accepted(db)
    follower = asyncio.create_task(_follow(reader, request_id))
    for _ in range(3):
        await asyncio.sleep(0.1)
        await cable.mend()
        await append(db, request_id, phase("running"))
        await asyncio.sleep(0.3)
        await cable.cut()
        await append(db, request_id, phase("running"))
    await _finish(db, request_id)
    await cable.mend()
    assert [item.seq for item in await asyncio.wait_for(follower, 5)] == list(range(1, 9))
    await reader.close()
