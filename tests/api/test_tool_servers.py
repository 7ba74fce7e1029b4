"""Configuring tool servers over the API: typed, without secrets in any answer or log, and read at once."""

import logging
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from temporalio.client import Client

from api.parts import Parts
from composition.services import Services
from runtime.settings import Settings
from services.tools.registry import servers
from tests.api.tool_desk import Desk, Simulated, desk, simulated
from tests.workflows.product import Product

SECRET = "s3cr3t-Value"
MASK = "•••"
STDIO = {
    "transport": "stdio",
    "command": "mcp-server-time",
    "args": ["--token", SECRET],
    "env": {"TOKEN": SECRET},
}
HTTP = {
    "transport": "http",
    "url": f"https://me:{SECRET}@127.0.0.1:9/mcp?k={SECRET}",
    "headers": {"X-Key": SECRET},
    "auth": {"type": "client_credentials", "client_id": "me", "client_secret": SECRET},
}


@pytest_asyncio.fixture(scope="module")
async def tools(
    _working: Product, services: Services, client: Client, served_settings: Settings
) -> AsyncIterator[Desk]:
    async with desk(services, client, served_settings.task_queue) as made:
        yield made


@pytest_asyncio.fixture(scope="module")
async def server() -> AsyncIterator[Simulated]:
    async with simulated() as made:
        yield made


@pytest.mark.parametrize("reach", [STDIO, HTTP])
async def test_no_answer_and_no_log_holds_a_secret(
    tools: Desk, reach: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = await tools.add(reach)
    path = f"/v1/tool-servers/{made['id']}"
    await tools.refresh(made["id"])
    answers = [
        await tools.api.get(path),
        await tools.api.get("/v1/tool-servers"),
        await tools.api.put(path, json={"reach": made["reach"]}),
        await tools.api.put(path, json={"reach": reach}),
        await tools.api.put(path, json={"reach": {**reach, "surprise": SECRET}}),
        await tools.api.post("/v1/tool-servers", json={"id": made["id"], "reach": reach}),
        await tools.api.post(f"{path}/disable"),
        await tools.api.post(f"{path}/enable"),
        await tools.api.get(f"{path}/changes"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 422, 409, 200, 200, 200]
    assert SECRET not in "".join(answer.text for answer in answers)
    assert MASK in answers[0].text
    assert SECRET not in caplog.text


async def test_a_mask_keeps_the_secret_that_is_stored(tools: Desk) -> None:
    made = await tools.add(STDIO)
    path = f"/v1/tool-servers/{made['id']}"
    body = {"reach": made["reach"], "options": {"trusted": True}, "expected_revision": 1}
    changed = await tools.api.put(path, json=body)
    assert changed.status_code == 200, changed.text
    assert changed.json()["revision"] == 2
    assert changed.json()["options"]["trusted"] is True
    stale = await tools.api.put(path, json=body)
    assert stale.status_code == 409
    stored = await servers.load(tools.services.db, tools.services.tools.vault, made["id"])
    assert stored.reach.model_dump(mode="json") == STDIO


async def test_a_mask_for_nothing_is_a_422_with_its_place(tools: Desk) -> None:
    made = await tools.add(STDIO)
    reach = {**made["reach"], "env": {"OTHER": MASK}}
    answer = await tools.api.put(f"/v1/tool-servers/{made['id']}", json={"reach": reach})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["path"] == "/reach/env/OTHER"


@pytest.mark.parametrize("command", ["sh", "/bin/sh", "../x", "mcp-server-time; rm", "python"])
async def test_only_listed_commands_are_taken(tools: Desk, command: str) -> None:
    reach = {"transport": "stdio", "command": command}
    answer = await tools.api.post("/v1/tool-servers", json={"id": "evil", "reach": reach})
    assert answer.status_code == 422
    assert [problem["code"] for problem in answer.json()["problems"]] == ["command_not_allowed"]
    assert (await tools.api.get("/v1/tool-servers/evil")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"id": "Bad Id", "reach": STDIO},
        {"id": "a", "reach": {"transport": "http", "url": "file:///etc/passwd"}},
        {"id": "a", "reach": {"transport": "ftp"}},
        {"id": "a", "reach": STDIO, "options": {"trusted": "perhaps"}},
        {"id": "a", "reach": STDIO, "surprise": 1},
        {"id": "a"},
    ],
)
async def test_what_is_no_server_is_a_422(tools: Desk, body: dict[str, Any]) -> None:
    assert (await tools.api.post("/v1/tool-servers", json=body)).status_code == 422


async def test_a_server_is_disabled_enabled_and_removed(tools: Desk, server: Simulated) -> None:
    server_id = await tools.add_read(server.url)
    path = f"/v1/tool-servers/{server_id}"
    assert (await tools.post(f"{path}/disable"))["disabled"] is True
    assert (await tools.refresh(server_id))["error"] == "the server is disabled"
    assert (await tools.post(f"{path}/enable"))["disabled"] is False
    assert await tools.tools(server_id)
    assert (await tools.api.delete(path)).status_code == 204
    assert await tools.tools(server_id) == []
    assert (await tools.get(f"{path}/changes"))["changes"]
    for method, end in (("GET", ""), ("DELETE", ""), ("POST", "/enable"), ("POST", "/refresh"), ("POST", "/sign-in")):
        assert (await tools.api.request(method, f"{path}{end}")).status_code == 404


@pytest.mark.parametrize("name", ["Nope", "no pe", "x" * 41, "%00"])
async def test_what_is_no_id_is_not_found(tools: Desk, name: str) -> None:
    assert (await tools.api.get(f"/v1/tool-servers/{name}")).status_code == 404


async def test_a_refresh_tells_what_it_found(tools: Desk, server: Simulated) -> None:
    server_id = await tools.add_read(server.url)
    found = await tools.refresh(server_id)
    assert found["error"] is None
    assert found["total"] == len(await tools.tools(server_id)) > 3
    state = (await tools.get(f"/v1/tool-servers/{server_id}"))["state"]
    assert (state["ok"], state["total"], state["waiting"]) == (True, found["total"], 0)


async def test_an_unreachable_server_is_an_answer(tools: Desk) -> None:
    made = await tools.add({"transport": "http", "url": "http://127.0.0.1:9/mcp", "allow_private": True})
    found = await tools.refresh(made["id"])
    assert found["error"]
    state = (await tools.get(f"/v1/tool-servers/{made['id']}"))["state"]
    assert (state["ok"], state["error"]) == (False, found["error"])


async def test_a_private_address_is_not_read_without_leave(tools: Desk, server: Simulated) -> None:
    made = await tools.add({"transport": "http", "url": server.url})
    assert "private network" in (await tools.refresh(made["id"]))["error"]


async def test_changes_are_listed_newest_first_in_pages(tools: Desk, server: Simulated) -> None:
    server_id = await tools.add_read(server.url)
    path = f"/v1/tool-servers/{server_id}/changes"
    whole = (await tools.get(path))["changes"]
    assert [change["number"] for change in whole] == sorted((c["number"] for c in whole), reverse=True)
    pages: list[int] = []
    before: dict[str, int] = {}
    while True:
        page = await tools.get(path, limit=2, **before)
        pages += [change["number"] for change in page["changes"]]
        if page["before"] is None:
            break
        before = {"before": page["before"]}
    assert pages == [change["number"] for change in whole]


async def test_an_api_without_tools_says_so(idle: httpx.AsyncClient, idle_parts: Parts) -> None:
    assert idle_parts.tools is None
    answer = await idle.get("/v1/tool-servers")
    assert (answer.status_code, answer.json()["code"]) == (503, "no_tools")


async def test_without_workers_a_server_is_added_all_the_same(services: Services, client: Client) -> None:
    async with desk(services, client, f"nobody-{secrets.token_hex(4)}") as lonely:
        made = await lonely.add(STDIO)
        assert (await lonely.get(f"/v1/tool-servers/{made['id']}"))["state"]["at"] is None
