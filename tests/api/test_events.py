"""The event stream: whole, resumable anywhere, and over when the request is."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx

from api.event_stream import EventStream, Range, frame
from domain.events import EventType
from services.storage.database import Database
from services.storage.event_reader import EventReader
from services.storage.events import StoredEvent
from tests.workflows.product import Product, parse_sse

THREE = "Write about rain. Write about snow. Then compare them."


async def read(api: httpx.AsyncClient, request_id: str, last: int = 0, query: str = "") -> list[int]:
    headers = {"Last-Event-ID": str(last)} if last else {}
    answer = await api.get(f"/v1/requests/{request_id}/events{query}", headers=headers)
    return [int(event["id"]) for event in parse_sse(answer.text)]


async def test_stream_of_a_running_request_is_gapless_and_ends_with_it(product: Product) -> None:
    request_id = await product.submit(THREE)
    events = await product.events(request_id)
    assert [int(event["id"]) for event in events] == list(range(1, len(events) + 1))
    assert events[0]["event"] == "request.accepted"
    assert events[-1]["event"] == "request.finished"
    assert {"plan.created", "step.started", "step.finished", "text.delta", "cost"} <= {e["event"] for e in events}
    assert all(json.loads(event["data"])["v"] == 1 for event in events)


async def test_stream_taken_up_at_any_event_has_neither_gaps_nor_doubles(product: Product) -> None:
    request_id = (await product.ask(THREE))["id"]
    whole = await read(product.api, request_id)
    for last in range(1, len(whole)):
        assert await read(product.api, request_id, last) == whole[last:]
    assert await read(product.api, request_id, 3, "?after=1") == whole[3:]
    assert await read(product.api, request_id, 0, "?after=5") == whole[5:]


async def test_live_stream_cut_again_and_again_misses_nothing(product: Product) -> None:
    await product.fault({"chunk_delay_s": 0.05}, task="step")
    request_id = await product.submit(THREE)
    seen: list[int] = []
    ended = False
    while not ended:
        headers = {"Last-Event-ID": str(seen[-1])} if seen else {}
        async with product.api.stream("GET", f"/v1/requests/{request_id}/events", headers=headers) as answer:
            taken = 0
            async for name, value in fields(answer):
                if name == "id":
                    seen.append(int(value))
                ended = ended or value == EventType.REQUEST_FINISHED
                taken += name == "data"
                if taken == 3:
                    break
    assert seen == list(range(1, len(seen) + 1))


async def fields(answer: httpx.Response) -> AsyncIterator[tuple[str, str]]:
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name:
            yield name, value


async def test_stream_with_nothing_left_is_204_so_that_browsers_stop(product: Product) -> None:
    ended = await product.ask("Hello!")
    answer = await product.api.get(f"/v1/requests/{ended['id']}/events?after={ended['last_seq']}")
    assert answer.status_code == 204


async def test_stream_of_chosen_types_has_no_others(product: Product) -> None:
    request_id = await product.submit(THREE)
    answer = await product.api.get(f"/v1/requests/{request_id}/events?types=step.finished,request.finished")
    kinds = [event["event"] for event in parse_sse(answer.text)]
    assert kinds == ["step.finished"] * 3 + ["request.finished"]
    for query in ("types=step.exploded", "after=-1", "after=x"):
        assert (await product.api.get(f"/v1/requests/{request_id}/events?{query}")).status_code == 422


async def test_client_that_goes_away_frees_its_subscription(idle: httpx.AsyncClient, database: Database) -> None:
    request_id = (await idle.post("/v1/requests", json={"message": "hi"})).json()["id"]
    reader = EventReader(database)
    await reader.start()
    stream = EventStream(reader.subscribe(request_id), Range(), keep_alive_s=0.05)
    sent: list[bytes] = []
    gone = asyncio.Event()

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        body = message.get("body")
        if isinstance(body, bytes):
            sent.append(body)
        if len(sent) > 2:
            gone.set()

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
    before = asyncio.all_tasks()
    await asyncio.wait_for(stream(scope, receive, send), 5)  # type: ignore[arg-type]  # plain dicts will do
    assert sent[0].startswith(b"id: 1\nevent: request.accepted\n")
    assert sent[1:3] == [b": keep-alive\n\n"] * 2
    assert asyncio.all_tasks() <= before
    await reader.close()


def test_event_with_line_breaks_stays_one_line_of_data() -> None:
    event = StoredEvent(
        seq=4, at=datetime(2026, 1, 2, tzinfo=UTC), type=EventType.TEXT_DELTA, data={"v": 1, "text": "a\nb\r\n\u2028c"}
    )
    lines = frame(event).decode().split("\n")
    assert lines[:2] == ["id: 4", "event: text.delta"]
    assert json.loads(lines[2].removeprefix("data: "))["text"] == "a\nb\r\n\u2028c"
    assert lines[3:] == ["", ""]
