"""Chats over a WebSocket, over the real database, with calls made by hand."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from api.body_limit import MAX_CALL_BYTES
from api.gateway.websocket import MAX_CALLS
from domain.gateway import CallError
from tests.api.gateway.maker import Maker, model, said
from tests.api.gateway.test_following_calls import cancel_asked
from tests.keys import ADMIN_KEY, bearer
from tests.workflows.product import eventually

Json = dict[str, Any]
HELLO = [{"role": "user", "content": "Hello"}]
WITHIN_S = 10.0


def chat(name: str, call: Any = "a", **fields: Any) -> Json:
    return {"id": call, "type": "chat", "body": {"model": name, "messages": HELLO}, **fields}


class Socket:
    """A client's end of a socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, frame: Json | str | bytes) -> None:
        await self.connection.send(json.dumps(frame) if isinstance(frame, dict) else frame)

    async def frame(self) -> Json:
        async with asyncio.timeout(WITHIN_S):
            told: Json = json.loads(await self.connection.recv())
        return told

    async def until_over(self, call: Any = "a") -> list[Json]:
        """Return a call's frames up to its last."""
        frames: list[Json] = []
        while not frames or not frames[-1].keys() & {"done", "error"}:
            frame = await self.frame()
            if frame["id"] == call:
                frames.append(frame)
        return frames


@asynccontextmanager
async def socket_of(gate: httpx.AsyncClient, **headers: str) -> AsyncIterator[Socket]:
    url = str(gate.base_url.join("/v1/chat/ws")).replace("http", "ws", 1)
    async with connect(url, additional_headers={**bearer(), **headers}, proxy=None) as connection:
        yield Socket(connection)


def text_of(frames: list[Json]) -> str:
    deltas = [frame["chunk"]["choices"][0]["delta"] for frame in frames if frame.get("chunk", {}).get("choices")]
    return "".join(delta.get("content", "") for delta in deltas)


async def test_a_chat_is_answered_frame_by_frame(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    async with socket_of(gate) as socket:
        await socket.send(chat(name))
        call_id = await maker.answer(name, "Good ", "day")
        frames = await socket.until_over()
    assert frames[0]["headers"]["x-longhaul-request-id"] == call_id
    assert text_of(frames) == "Good day"
    assert frames[1]["event_id"] == f"{call_id}:1.0"
    assert frames[-1] == {"id": "a", "done": True}


async def test_chunks_are_the_very_ones_of_the_stream_over_http(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    body = {"model": name, "messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
    asking = asyncio.create_task(
        gate.post("/v1/chat/completions", json=body, headers={"Idempotency-Key": name}),
    )
    await maker.answer(name, "a\u2028\n\n", "ü")
    events = [
        dict(line.split(": ", 1) for line in event.split("\n")) for event in (await asking).text.split("\n\n")[:-1]
    ]
    async with socket_of(gate) as socket:
        await socket.send({"id": 1, "type": "chat", "body": body, "idempotency_key": name})
        frames = [frame for frame in await socket.until_over(1) if "chunk" in frame]
    streamed = [json.loads(event["data"]) for event in events if event["data"] != "[DONE]"]
    assert [frame["chunk"] for frame in frames][:-1] == streamed[:-1]
    assert [frame.get("event_id") for frame in frames] == [event.get("id") for event in events if "{" in event["data"]]
    assert frames[-1]["chunk"]["usage"] == streamed[-1]["usage"]


async def test_calls_run_side_by_side_on_one_socket(gate: httpx.AsyncClient, maker: Maker) -> None:
    first, second = model(), model()
    async with socket_of(gate) as socket:
        await socket.send(chat(first, "1"))
        await socket.send(chat(second, 2))
        await maker.answer(second, "two")
        assert text_of(await socket.until_over(2)) == "two"
        await maker.answer(first, "one")
        assert text_of(await socket.until_over("1")) == "one"


async def test_a_call_without_an_id_is_given_one(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    async with socket_of(gate) as socket:
        frame = chat(name)
        del frame["id"]
        await socket.send(frame)
        await maker.answer(name, "x")
        assert text_of(await socket.until_over(1)) == "x"


async def test_a_cancelled_call_ends_with_an_error(gate: httpx.AsyncClient, maker: Maker, client: Client) -> None:
    name = model()
    async with socket_of(gate) as socket:
        await socket.send(chat(name))
        call_id = await maker.call(name)
        assert "headers" in await socket.frame()
        await socket.send({"type": "cancel", "id": "a"})
        frames = await socket.until_over()
        assert frames[-1]["error"]["code"] == "cancelled"
        await eventually(lambda: cancel_asked(client, call_id))


async def test_a_cancelled_call_with_a_key_is_ended_too(gate: httpx.AsyncClient, maker: Maker, client: Client) -> None:
    name = model()
    async with socket_of(gate) as socket:
        await socket.send(chat(name, idempotency_key=name))
        call_id = await maker.call(name)
        assert "headers" in await socket.frame()
        await socket.send({"type": "cancel", "id": "a"})
        await socket.until_over()
        await eventually(lambda: cancel_asked(client, call_id))


async def test_leaving_the_socket_cancels_calls_without_a_key_only(
    gate: httpx.AsyncClient, maker: Maker, client: Client
) -> None:
    name, keyed = model(), model()
    async with socket_of(gate) as socket:
        await socket.send(chat(name, "1"))
        await socket.send(chat(keyed, "2", idempotency_key=keyed))
        left, kept = await maker.call(name), await maker.call(keyed)
        for _ in range(2):
            assert "headers" in await socket.frame()
    await eventually(lambda: cancel_asked(client, left))
    async with socket_of(gate) as socket:
        await socket.send(chat(keyed, "2", idempotency_key=keyed))
        await maker.answer(keyed, "still here")
        assert text_of(await socket.until_over("2")) == "still here"
    assert await maker.calls(keyed) == [kept]


async def test_a_client_comes_back_for_the_chunks_it_has_not_seen(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    async with socket_of(gate) as socket:
        await socket.send(chat(name, idempotency_key=name))
        await maker.answer(name, "a", "b", "c")
        whole = await socket.until_over()
        await socket.send(chat(name, "again", idempotency_key=name, last_event_id=whole[2]["event_id"]))
        rest = await socket.until_over("again")
    assert rest[-1] == {"id": "again", "done": True}
    assert [frame["chunk"] for frame in rest if "chunk" in frame] == [f["chunk"] for f in whole[3:] if "chunk" in f]


async def test_a_failed_call_says_why_and_the_socket_goes_on(gate: httpx.AsyncClient, maker: Maker) -> None:
    name, other = model(), model()
    error = CallError(status=429, type="rate_limit_error", code="rate_limit_exceeded", message="full", retry_after_s=2)
    async with socket_of(gate) as socket:
        await socket.send(chat(name))
        await maker.fail(await maker.call(name), error)
        assert (await socket.until_over())[-1]["error"] == {
            "message": "full",
            "type": "rate_limit_error",
            "param": None,
            "code": "rate_limit_exceeded",
            "retry_after_s": 2.0,
            "status": 429,
        }
        await socket.send(chat(other))
        await maker.answer(other, "x")
        assert text_of(await socket.until_over()) == "x"


@pytest.mark.parametrize(
    ("frame", "call", "code", "param"),
    [
        ("{", None, "malformed_json", None),
        ("[]", None, "invalid_type", None),
        (b"\xff\xfe", None, "not_utf8", None),
        ("", None, "malformed_json", None),
        ("[" * 10_000, None, "malformed_json", None),
        ({"id": "a"}, "a", "missing_required_parameter", "type"),
        ({"id": "a", "type": "sing"}, "a", "invalid_value", "type"),
        ({"id": {}, "type": "cancel"}, None, "invalid_type", "id"),
        ({"id": "x" * 201, "type": "chat", "body": {}}, None, "invalid_type", "id"),
        ({"type": "cancel"}, None, "missing_required_parameter", "id"),
        ({"id": "a", "type": "cancel"}, "a", "no_such_call", "id"),
        ({"id": "a", "type": "chat"}, "a", "missing_required_parameter", "body"),
        ({"id": "a", "type": "chat", "body": []}, "a", "invalid_type", "body"),
        ({"id": "a", "type": "chat", "body": {}, "colour": 1}, "a", "unsupported_parameter", "colour"),
        ({"id": "a", "type": "chat", "body": {"model": "gate-x"}}, "a", "missing_required_parameter", "body.messages"),
        (chat("gate-x", idempotency_key=""), "a", "invalid_idempotency_key", "Idempotency-Key"),
        (chat("gate-x", last_event_id="7"), "a", "invalid_last_event_id", "Last-Event-ID"),
        (chat("no-such-model"), "a", "model_not_found", "model"),
        ('{"id":"a","type":"chat","body":{"model":"gate-x","messages":"\\u0000"}}', "a", "invalid_text", None),
    ],
)
async def test_a_frame_that_cannot_be_used_is_answered_and_the_socket_goes_on(
    gate: httpx.AsyncClient, maker: Maker, frame: Any, call: Any, code: str, param: str | None
) -> None:
    name = model()
    async with socket_of(gate) as socket:
        await socket.send(frame)
        told = await socket.frame()
        assert (told["id"], told["error"]["code"], told["error"]["param"]) == (call, code, param)
        await socket.send(chat(name, "next"))
        await maker.answer(name, "x")
        assert text_of(await socket.until_over("next")) == "x"


async def test_a_call_too_many_is_refused(gate: httpx.AsyncClient) -> None:
    name = model()
    async with socket_of(gate) as socket:
        for number in range(MAX_CALLS):
            await socket.send(chat(name, number))
        await socket.send(chat(name, "more"))
        assert (await socket.until_over("more"))[-1]["error"]["code"] == "too_many_calls"


async def test_a_name_is_free_again_when_its_call_is_over(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    async with socket_of(gate) as socket:
        await socket.send(chat(name))
        await socket.send(chat(name))
        assert (await socket.until_over())[-1]["error"]["code"] == "call_is_open"
        await maker.answer(name, "x")
        await socket.until_over()
        await socket.send(chat(name))
        await maker.answer(name, "y", number=2)
        assert text_of(await socket.until_over()) == "y"


async def test_a_frame_that_is_too_large_closes_the_socket(gate: httpx.AsyncClient) -> None:
    async with socket_of(gate) as socket:
        await socket.send("x" * (MAX_CALL_BYTES + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.frame()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_many_chunks_reach_a_slow_reader_whole(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    chunks = said(*("0123456789" * 50 for _ in range(4000)))
    async with socket_of(gate) as socket:
        await socket.send(chat(name))
        call_id = await maker.call(name)
        maker.begun(call_id)
        for place, one in enumerate(chunks):
            maker.tell(call_id, [one], place)
            if place % 100 == 0:
                await asyncio.sleep(0)
        await maker.finish(call_id, chunks)
        assert len(text_of(await socket.until_over())) == 500 * 4000


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}])
async def test_foreign_origins_are_refused(gate: httpx.AsyncClient, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with socket_of(gate, **headers):
            pass
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["error"]["type"] == "permission_error"


async def test_local_origins_are_served(gate: httpx.AsyncClient) -> None:
    async with socket_of(gate, Origin="http://localhost:5173") as socket:
        await socket.send({"type": "cancel", "id": "x"})
        assert "error" in await socket.frame()


async def test_a_page_brings_its_key_as_a_subprotocol(gate: httpx.AsyncClient) -> None:
    url = str(gate.base_url.join("/v1/chat/ws")).replace("http", "ws", 1)
    spoken = [Subprotocol("longhaul"), Subprotocol(f"bearer.{ADMIN_KEY}")]
    async with connect(url, subprotocols=spoken, proxy=None) as connection:
        assert connection.subprotocol == "longhaul"
        socket = Socket(connection)
        await socket.send({"type": "cancel", "id": "x"})
        assert "error" in await socket.frame()


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer lh_nobody"}, {"Authorization": "Basic bGg6bGg="}])
async def test_a_socket_without_a_good_key_is_refused(gate: httpx.AsyncClient, headers: dict[str, str]) -> None:
    url = str(gate.base_url.join("/v1/chat/ws")).replace("http", "ws", 1)
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url, additional_headers=headers, proxy=None):
            pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body)["error"]["type"] == "authentication_error"
