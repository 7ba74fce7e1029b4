"""Calls by their ids: read as they stand, followed, cancelled."""

import asyncio

import httpx
import pytest
from temporalio.client import Client

from domain.gateway import CallError
from tests.api.gateway.maker import Maker, model, said
from tests.api.gateway.streams import CHAT, asking, followed
from tests.api.gateway.test_following_calls import cancel_asked
from tests.workflows.product import eventually

NOBODYS = "call_" + "0" * 32
BROKEN = CallError(status=502, type="server_error", code="upstream_error", message="it broke")


async def test_a_call_is_read_as_it_stands(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    asked = asyncio.create_task(gate.post(CHAT, json=asking(name)))
    call_id = await maker.call(name)
    running = (await gate.get(f"/v1/calls/{call_id}")).json()
    assert (running["status"], running["answer"], running["finished_at"]) == ("running", None, None)
    await maker.answer(name, "Good ", "day")
    completion = (await asked).json()
    ended = (await gate.get(f"/v1/calls/{call_id}")).json()
    assert (ended["status"], ended["model"], ended["endpoint"]) == ("done", name, "chat")
    assert ended["answer"] == completion
    assert (ended["cost_micros"], ended["routing"]["account"], ended["usage"]["output_tokens"]) == (250, "sim-a", 7)


async def test_a_failed_call_says_why(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    asked = asyncio.create_task(gate.post(CHAT, json=asking(name)))
    call_id = await maker.call(name)
    await maker.fail(call_id, BROKEN)
    await asked
    shown = (await gate.get(f"/v1/calls/{call_id}")).json()
    assert (shown["status"], shown["answer"], shown["error"]["code"]) == ("failed", None, "upstream_error")


async def test_embeddings_are_read_but_not_followed(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    asked = asyncio.create_task(gate.post("/v1/embeddings", json={"model": name, "input": "x"}))
    call_id = await maker.call(name)
    await maker.finish(call_id, {"object": "list", "data": []})
    await asked
    assert (await gate.get(f"/v1/calls/{call_id}")).json()["answer"]["object"] == "list"
    answer = await gate.get(f"/v1/calls/{call_id}/stream")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_a_stream")


async def test_a_running_call_is_followed_to_its_end(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    answer = said("a", "b", "c")
    asked = asyncio.create_task(gate.post(CHAT, json=asking(name, stream=True)))
    call_id = await maker.call(name)
    await maker.store(call_id, answer[:3])
    following = asyncio.create_task(followed(gate, call_id))
    await maker.finish(call_id, answer)
    stream = await following
    await asked
    assert stream.texts == ["a", "b", "c"]
    assert stream.chunks[-1]["usage"]["total_tokens"] == 18
    assert stream.is_done


@pytest.mark.parametrize(("method", "path"), [("POST", "/cancel"), ("DELETE", "")])
async def test_a_call_is_cancelled_once(
    gate: httpx.AsyncClient, maker: Maker, client: Client, method: str, path: str
) -> None:
    name = model()
    asked = asyncio.create_task(gate.post(CHAT, json=asking(name), headers={"Idempotency-Key": name}))
    call_id = await maker.call(name)
    await eventually(lambda: running(client, call_id))
    answer = await gate.request(method, f"/v1/calls/{call_id}{path}")
    assert answer.json() == {"id": call_id, "cancelled": True}
    assert await cancel_asked(client, call_id)
    await maker.answer(name, "too late")
    assert (await asked).status_code == 200
    again = await gate.request(method, f"/v1/calls/{call_id}{path}")
    assert again.json() == {"id": call_id, "cancelled": False}


@pytest.mark.parametrize("call_id", [NOBODYS, "call_x", "req_" + "0" * 32, "%00"])
async def test_what_is_no_call_is_not_found(gate: httpx.AsyncClient, call_id: str) -> None:
    for method, path in (("GET", ""), ("GET", "/stream"), ("POST", "/cancel"), ("DELETE", "")):
        answer = await gate.request(method, f"/v1/calls/{call_id}{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_a_last_event_id_of_another_call_is_400(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    making = asyncio.create_task(maker.answer(name, "a"))
    await gate.post(CHAT, json=asking(name))
    call_id = await making
    for wrong in (f"{NOBODYS}:1.0", "0"):
        answer = await gate.get(f"/v1/calls/{call_id}/stream", headers={"Last-Event-ID": wrong})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_last_event_id")


async def running(client: Client, call_id: str) -> bool:
    """Whether a call's workflow was started."""
    async for _ in client.list_workflows(f"WorkflowId = '{call_id}'"):
        return True
    return False
