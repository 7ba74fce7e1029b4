"""The way in: the routes' limits hold for `/mcp` too, and nothing waits longer than its client or its server."""

import asyncio
import json
import logging
import secrets
import time
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.parts import Parts
from api.serving import listen, serve
from tests.api.mcp_server.agent import agent_of, in_both_generations, text_of
from tests.api.served import parts_like, until_live
from tests.keys import ADMIN_KEY, api_client, settle
from tests.workflows.product import eventually

HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
MODERN = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def message(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


async def test_ping_is_answered_without_a_session(idle: httpx.AsyncClient) -> None:
    answer = await idle.post("/mcp", json=PING, headers=HEADERS)
    assert answer.status_code == 200
    assert "mcp-session-id" not in answer.headers
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("generation", [HEADERS, MODERN])
async def test_foreign_origins_are_refused(
    idle: httpx.AsyncClient, headers: dict[str, str], generation: dict[str, str]
) -> None:
    answer = await idle.post("/mcp", json=PING, headers={**generation, **headers})
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")


async def test_a_message_without_a_key_is_refused(idle: httpx.AsyncClient) -> None:
    for key in ("", "Bearer", "Bearer lh_nobody", f"Basic {ADMIN_KEY}"):
        answer = await idle.post("/mcp", json=PING, headers={**HEADERS, "Authorization": key})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_application_that_is_not_running_says_so(idle_parts: Parts) -> None:
    transport = httpx.ASGITransport(create_app(idle_parts), client=("127.0.0.1", 5000))
    async with api_client("http://localhost", transport=transport) as early:
        answer = await early.post("/mcp", json=PING, headers=HEADERS)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


@pytest.mark.parametrize("generation", [HEADERS, MODERN])
@pytest.mark.parametrize("size", [301 * 1024, 5 * 1024 * 1024])
async def test_body_over_the_limit_is_refused_while_it_is_read(
    idle: httpx.AsyncClient, generation: dict[str, str], size: int
) -> None:
    answer = await idle.post("/mcp", json=message("start_request", message="x" * size), headers=generation)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_message_over_the_limit_is_refused(idle: httpx.AsyncClient) -> None:
    async with agent_of(idle) as agent:
        refused = await agent.refused("start_request", message="x" * (257 * 1024))
    assert (refused["status"], refused["code"]) == (413, "message_too_large")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_json"),
        (b'{"a": NaN}', "application/json", 400, "malformed_json"),
        (b'"\xff"', "application/json", 400, "not_utf8"),
        (b'{"a": "\\u0000"}', "application/json", 422, "invalid_text"),
        (b"{}", "text/plain", 415, "not_json"),
        (b"[" * 100_000, "application/json", 400, "malformed_json"),
    ],
)
async def test_body_that_no_route_would_take_is_refused(
    idle: httpx.AsyncClient, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = await idle.post("/mcp", content=body, headers={**HEADERS, "Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_nothing_but_post_is_served(idle: httpx.AsyncClient, method: str) -> None:
    answer = await idle.request(method, "/mcp", headers=HEADERS)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


async def test_access_log_names_the_path_and_the_tool_and_no_argument(
    idle: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    secret = secrets.token_hex(8)
    with caplog.at_level(logging.INFO, "longhaul"):
        async with agent_of(idle) as agent:
            await agent.refused("get_request", request_id=secret)
    lines = [vars(record)["fields"] for record in caplog.records if "fields" in vars(record)]
    (call,) = [line for line in lines if "tool" in line]
    assert (call["tool"], call["outcome"]) == ("get_request", "not_found")
    assert "/mcp" in {line.get("route") for line in lines}
    assert secret not in json.dumps(lines)


@pytest.mark.parametrize("generation", [HEADERS, MODERN])
async def test_wait_ends_when_its_client_goes_away(
    idle: httpx.AsyncClient, generation: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    request_id = (await idle.post("/v1/requests", json={"message": "hi"})).json()["id"]
    said = message("wait_for_request", request_id=request_id, wait_s=30)
    if generation is MODERN:
        said["params"]["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    headers = {**generation, "Mcp-Method": "tools/call", "Mcp-Name": "wait_for_request"}

    async def cancelled() -> bool:
        found = [vars(record).get("fields", {}).get("outcome") for record in caplog.records]
        return "cancelled" in found

    with caplog.at_level(logging.INFO, "longhaul.mcp"):
        with pytest.raises(httpx.ReadTimeout):
            await idle.post("/mcp", json=said, headers=headers, timeout=1)
        await eventually(cancelled, within_s=5)


@in_both_generations
async def test_wait_ends_when_the_server_does(idle: httpx.AsyncClient, idle_parts: Parts, generation: str) -> None:
    request_id = (await idle.post("/v1/requests", json={"message": "hi"})).json()["id"]
    listener = listen("127.0.0.1", 0)
    stopping = api_client(f"http://127.0.0.1:{listener.getsockname()[1]}")
    parts = parts_like(idle_parts)
    server = asyncio.create_task(serve(parts, listener))
    await until_live(stopping)
    async with agent_of(stopping, generation) as agent:
        await agent.client.list_tools()  # else the client would ask for it after the call, of a server that is gone
        arguments = {"request_id": request_id, "wait_s": 30}
        waiting = asyncio.create_task(agent.client.call_tool("wait_for_request", arguments))
        await asyncio.wait({waiting}, timeout=0.5)
        assert not waiting.done()
        began = time.monotonic()
        server.cancel()
        assert json.loads(text_of(await waiting))["phase"] == "accepted"
    await asyncio.wait({server})
    assert time.monotonic() - began < 4
    await stopping.aclose()
    await settle(parts)
