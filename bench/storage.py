"""What the storage's hot paths cost: `python -m bench.storage URL [--seconds 5]`. Prints figures, asserts nothing."""

import argparse
import asyncio
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from domain import ids
from domain.budget import Usage
from domain.content import Text
from domain.events import Event, EventType
from services.storage import blobs, events, journal, requests
from services.storage.database import Database
from services.storage.event_writer import EventWriter
from services.storage.migrate import migrate

_PROMPT = Text.inline("What is the capital of France?")


def _new_id() -> str:
    return ids.request_id(time.time_ns() // 1_000_000, secrets.randbits(80))


async def _accept(db: Database) -> str:
    async with db.transaction() as tx:
        new = requests.NewRequest(request_id=_new_id(), owner="bench", message=_PROMPT)
        return (await requests.accept(tx, new)).request_id


def _step_events(number: int) -> list[Event]:
    step = f"s{number % 5}"
    finished: dict[str, Any] = {
        "v": 1,
        "step_id": step,
        "status": "succeeded",
        "result": _PROMPT.model_dump(),
        "cost_micros": 0,
    }
    data: list[tuple[EventType, dict[str, Any]]] = [
        (EventType.STEP_STARTED, {"v": 1, "step_id": step, "round": 1}),
        (EventType.COST, {"v": 1, "step_id": step, "call_id": "c", "micros": 10}),
        (EventType.STEP_FINISHED, finished),
    ]
    return [
        Event(source="wf", source_seq=number * 3 + index, type=kind, data=body)
        for index, (kind, body) in enumerate(data)
    ]


async def append_three(db: Database, request_id: str, number: int) -> None:
    """One transaction that appends three events."""
    async with db.transaction() as tx:
        await events.append(tx, request_id, _step_events(number))


async def append_at_once(db: Database, request_id: str, number: int) -> None:
    """The same as one statement, which is a transaction of its own."""
    await events.append(db, request_id, _step_events(number))


async def empty(db: Database, _request_id: str, _number: int) -> None:
    """One transaction that does nothing: the floor."""
    async with db.transaction():
        pass


async def open_and_finish(db: Database, request_id: str, number: int) -> None:
    """The two statements of a model call, without the call."""
    key = journal.CallKey(request_id, "s1", number + 1)
    before, after = _step_events(number)[:1], _step_events(number)[1:2]
    call = await journal.open_first(db, key, before, journal.Sent(model="m", input_tokens=10, process="bench"))
    if call is None:
        raise TypeError("a fresh round was begun already")
    stored, body = blobs.portable("Paris. " * 10)
    answer = journal.Answer(
        text=stored,
        finish_reason="stop",
        refused=False,
        usage=Usage(input_tokens=10, output_tokens=5),
        cost_micros=12,
        model="m",
    )
    await journal.finish(db, call, answer, body=body, events=after)


async def _measure(
    name: str, db: Database, work: Callable[[Database, str, int], Awaitable[None]], seconds: float
) -> None:
    for concurrency in (1, 8):
        took: list[float] = []
        end = time.perf_counter() + seconds
        cpu = time.process_time()
        await asyncio.gather(*(_repeat(db, work, end, took) for _ in range(concurrency)))
        cpu_ms = (time.process_time() - cpu) * 1000 / len(took)
        median_ms = statistics.median(took) * 1000
        print(
            f"{name:28} at {concurrency}: {median_ms:6.2f} ms median, {len(took) / seconds:7.0f}/s, "
            f"{cpu_ms:.2f} ms of Python CPU each"
        )


async def _repeat(
    db: Database, work: Callable[[Database, str, int], Awaitable[None]], end: float, took: list[float]
) -> None:
    request_id = await _accept(db)
    number = 0
    while time.perf_counter() < end:
        start = time.perf_counter()
        await work(db, request_id, number)
        took.append(time.perf_counter() - start)
        number += 1


async def _streams(db: Database, count: int, seconds: float) -> None:
    """`count` streams give a chunk of 20 characters every 2 ms each, as a fast model does."""
    writer = EventWriter(db)
    await writer.start()
    request_ids = [await _accept(db) for _ in range(count)]
    given = await asyncio.gather(*(_stream(writer, request_id, seconds) for request_id in request_ids))
    start = time.perf_counter()
    await asyncio.gather(*(writer.settle(f"{request_id}/s1/1/1") for request_id in request_ids))
    settled_ms = (time.perf_counter() - start) * 1000
    await writer.close()
    print(f"{count} streams: {sum(given) / seconds:.0f} chunks/s stored, settled {settled_ms:.1f} ms after the last")


async def _stream(writer: EventWriter, request_id: str, seconds: float) -> int:
    end = time.perf_counter() + seconds
    given = 0
    while time.perf_counter() < end:
        await writer.delta(request_id, "s1", f"{request_id}/s1/1/1", "a chunk of 20 chars ")
        given += 1
        await asyncio.sleep(0.002)
    return given


async def _main(url: str, seconds: float) -> None:
    await migrate(url)
    db = Database(url)
    await _measure("empty transaction", db, empty, seconds)
    await _measure("append of 3 events", db, append_three, seconds)
    await _measure("the same, one statement", db, append_at_once, seconds)
    await _measure("open + finish, 2 events", db, open_and_finish, seconds)
    await _streams(db, 16, seconds)
    await _streams(db, 300, seconds)
    await db.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    asyncio.run(_main(arguments.url, arguments.seconds))
