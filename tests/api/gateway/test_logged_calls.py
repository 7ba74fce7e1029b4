"""Each call through a door of the gateway leaves a row in the request log, with who answered and what it cost."""

import asyncio

import httpx
import pytest

from domain.gateway import CallError
from tests.api.gateway.maker import Json, Maker, model, said
from tests.api.gateway.streams import CHAT, HELLO, asking
from tests.api.gateway.test_chat_cache import keep
from tests.api.gateway.test_ws_chats import chat, socket_of
from tests.api.logged import row_of, rows_of, tag

FULL = CallError(status=503, type="server_error", code="no_capacity", message="full", retry_after_s=1)
CHAT_DOORS: dict[str, Json] = {
    CHAT: {},
    "/v1/messages": {"max_tokens": 100},
    "/v1/responses": {"input": "Hello"},
}


def body_of(door: str, name: str, **more: object) -> Json:
    """Return the body of a chat at one of the doors."""
    body = {**asking(name), **CHAT_DOORS[door], **more}
    return body if door != "/v1/responses" else {key: body[key] for key in body if key != "messages"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("door", CHAT_DOORS)
async def test_an_answered_call(gate: httpx.AsyncClient, maker: Maker, door: str, *, stream: bool) -> None:
    name, mark = model(), tag()
    making = asyncio.create_task(maker.answer(name, "Good day"))
    answer = await gate.post(door, json=body_of(door, name, stream=stream), headers={"X-Request-Id": mark})
    assert answer.status_code == 200, answer.text
    row = await row_of(gate, mark)
    assert (row["route"], row["status"], row["call_id"]) == (door, 200, await making)
    assert (row["model"], row["provider"], row["account"], row["deployment"]) == ("public", "sim", "sim-a", "sim-a-1")
    assert (row["input_tokens"], row["cached_tokens"], row["output_tokens"], row["cost_micros"]) == (11, 4, 7, 250)
    assert (row["attempts"], row["first_token_ms"], row["cache"], row["error_code"]) == (1, 5, "BYPASS", None)
    assert "Hello" not in str(row)
    assert "Good day" not in str(row)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failed_call(gate: httpx.AsyncClient, maker: Maker, *, stream: bool) -> None:
    name, mark = model(), tag()
    asked = asyncio.create_task(gate.post(CHAT, json=asking(name, stream=stream), headers={"X-Request-Id": mark}))
    call_id = await maker.call(name)
    await maker.fail(call_id, FULL)
    assert (await asked).status_code == 503
    row = await row_of(gate, mark)
    assert (row["status"], row["error_code"], row["call_id"]) == (503, "no_capacity", call_id)


async def test_a_call_that_is_refused_names_the_model_it_asked_for(gate: httpx.AsyncClient) -> None:
    mark = tag()
    await gate.post(CHAT, json=asking("no-such-model"), headers={"X-Request-Id": mark})
    row = await row_of(gate, mark)
    assert (row["status"], row["error_code"], row["model"]) == (404, "model_not_found", "no-such-model")
    assert row["call_id"] is None


async def test_a_model_that_is_no_name_is_not_logged(gate: httpx.AsyncClient) -> None:
    mark = tag()
    await gate.post(CHAT, json=asking("a secret\nof many words"), headers={"X-Request-Id": mark})
    assert (await row_of(gate, mark))["model"] is None


async def test_a_client_that_leaves_a_stream(gate: httpx.AsyncClient, maker: Maker) -> None:
    name, mark = model(), tag()
    headers = {"X-Request-Id": mark}
    asked = gate.stream("POST", CHAT, json=asking(name, stream=True), headers=headers)
    telling = asyncio.create_task(_tell_the_first(maker, name))
    async with asked as answer:
        await anext(answer.aiter_bytes())
    row = await row_of(gate, mark)
    assert (row["status"], row["call_id"], row["cost_micros"]) == (499, await telling, 0)


async def _tell_the_first(maker: Maker, name: str) -> str:
    call_id = await maker.call(name)
    maker.begun(call_id)
    maker.tell(call_id, said("Good ")[:2])
    return call_id


async def test_an_answer_from_the_cache_cost_nothing(gate: httpx.AsyncClient, maker: Maker) -> None:
    name, first, again = model("kept"), tag(), tag()
    making = asyncio.create_task(keep(maker, name, "Good day"))
    await gate.post(CHAT, json=asking(name), headers={"X-Request-Id": first})
    call_id = await making
    await gate.post(CHAT, json=asking(name), headers={"X-Request-Id": again})
    rows = [await row_of(gate, mark) for mark in (first, again)]
    assert [(row["call_id"], row["cache"], row["cost_micros"], row["output_tokens"]) for row in rows] == [
        (call_id, "MISS", 250, 7),
        (call_id, "HIT", 0, 7),
    ]


async def test_a_job(gate: httpx.AsyncClient, maker: Maker) -> None:
    name, mark = model(), tag()
    await gate.post(CHAT, json=asking(name, longhaul={"async": True}), headers={"X-Request-Id": mark})
    row = await row_of(gate, mark)
    (call_id,) = await maker.calls(name)
    assert (row["status"], row["call_id"], row["model"], row["cost_micros"]) == (202, call_id, name, 0)


async def test_chats_over_a_websocket(gate: httpx.AsyncClient, maker: Maker) -> None:
    first, second, mark = model(), model(), tag()
    async with socket_of(gate, **{"X-Request-Id": mark}) as socket:
        await socket.send(chat(first, "a"))
        answered = await maker.answer(first, "Good day")
        await socket.until_over("a")
        await socket.send(chat(second, "b"))
        failed = await maker.call(second)
        await maker.fail(failed, FULL)
        await socket.until_over("b")
    rows = await rows_of(gate, mark, 3)
    assert {row["route"] for row in rows} == {"/v1/chat/ws"}
    found = {row["call_id"]: (row["status"], row["cost_micros"], row["error_code"]) for row in rows}
    assert found == {answered: (200, 250, None), failed: (503, 0, "no_capacity"), None: (101, 0, None)}
    assert HELLO[0]["content"] not in str(rows)
