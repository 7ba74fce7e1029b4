"""What admins change is in the audit log, and so is what is done in another's name."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest_asyncio

from api.parts import Parts
from domain.caller import Caller
from services.llm.admin import PoolAdmin
from services.storage.event_reader import EventReader
from services.tools.admin import Commands, ToolAdmin
from tests.api.governance.conftest import Callers
from tests.api.served import serving
from tests.keys import VAULT

Entry = dict[str, Any]


@pytest_asyncio.fixture
async def desk(settled: Parts, callers: Callers) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API that has tool servers and a model pool."""
    tools = ToolAdmin(settled.database, VAULT, Commands((), ()))
    pool = PoolAdmin(settled.database, VAULT)
    reader = EventReader(settled.database)
    async with serving(replace(settled, reader=reader, tools=tools, pool=pool, identity=callers)) as client:
        yield client


async def entries(api: httpx.AsyncClient, **facts: str) -> list[Entry]:
    """Return the entries of these facts, the oldest first."""
    found: list[Entry] = (await api.get("/v1/audit", params=facts)).json()["entries"]
    return found[::-1]


async def test_changes_of_the_pool_are_noted_without_credentials(desk: httpx.AsyncClient) -> None:
    name, secret = f"p{secrets.token_hex(6)}", f"sk-{secrets.token_hex(16)}"
    provider = {"id": name, "dialect": "openai", "base_url": "https://models.example/v1"}
    assert (await desk.post("/v1/pool/providers", json=provider)).status_code == 201
    account = {"id": f"{name}.a", "provider_id": name, "credential": secret, "disabled": True}
    assert (await desk.post("/v1/pool/accounts", json=account)).status_code == 201
    await desk.patch(f"/v1/pool/providers/{name}", json={"disabled": True})
    await desk.delete(f"/v1/pool/accounts/{name}.a")
    await desk.delete(f"/v1/pool/providers/{name}")
    of_provider = await entries(desk, object_id=name)
    assert [each["action"] for each in of_provider] == [
        "pool_provider.create",
        "pool_provider.disable",
        "pool_provider.delete",
    ]
    of_account = await entries(desk, object_id=f"{name}.a")
    assert [each["action"] for each in of_account] == ["pool_account.create", "pool_account.delete"]
    assert of_account[0]["details"]["credential"] == "set"
    assert secret not in str(of_account)
    assert {(each["actor"], each["address"]) for each in of_provider + of_account} == {("local", "127.0.0.1")}


async def test_changes_of_tool_servers_and_rules_are_noted_without_secrets(desk: httpx.AsyncClient) -> None:
    name, secret = f"s{secrets.token_hex(6)}", secrets.token_hex(16)
    reach = {"transport": "http", "url": "https://tools.example/mcp", "headers": {"Authorization": f"Bearer {secret}"}}
    server = {"id": name, "reach": reach, "disabled": True}
    assert (await desk.post("/v1/tool-servers", json=server)).status_code == 201
    await desk.put(f"/v1/tool-servers/{name}", json={"reach": reach, "options": {"trusted": True}})
    await desk.post(f"/v1/tool-servers/{name}/disable")
    await desk.delete(f"/v1/tool-servers/{name}")
    found = await entries(desk, object_id=name)
    verbs = [each["action"].removeprefix("tool_server.") for each in found]
    assert verbs == ["create", "replace", "disable", "delete"]
    assert found[1]["details"]["options"]["trusted"] is True
    assert secret not in str(found)


async def test_rules_of_tools_and_the_context_are_noted(desk: httpx.AsyncClient) -> None:
    rule = {"server": f"s{secrets.token_hex(4)}", "decision": "ask"}
    added = await desk.post("/v1/tool-rules", json=rule)
    assert added.status_code == 201, added.text
    number = str(added.json()["rule"]["number"])
    await desk.delete(f"/v1/tool-rules/{number}")
    found = await entries(desk, object_kind="tool_rule", object_id=number)
    assert [each["action"] for each in found] == ["tool_rule.create", "tool_rule.delete"]
    before = await desk.get("/v1/context")
    assert (await desk.put("/v1/context", json=before.json())).status_code == 200
    assert (await entries(desk, action="context.replace"))[-1]["object_id"] == "local"


async def test_what_is_refused_is_not_noted_as_done(desk: httpx.AsyncClient) -> None:
    name = f"p{secrets.token_hex(6)}"
    assert (await desk.delete(f"/v1/pool/providers/{name}")).status_code == 404
    assert await entries(desk, object_id=name) == []


async def test_a_message_in_anothers_name_is_noted(desk: httpx.AsyncClient, callers: Callers) -> None:
    request_id = (await desk.post("/v1/requests", json={"message": "hi"})).json()["id"]
    key = secrets.token_hex(8)
    callers.known[key] = Caller("local", actor="usr_helper")
    headers = {"Authorization": f"Bearer {key}"}
    # No worker takes the message: it is noted before it is sent.
    sending = asyncio.create_task(desk.post(f"/v1/requests/{request_id}/cancel", headers=headers))
    async with asyncio.timeout(5):
        while not (found := await entries(desk, object_id=request_id)):
            await asyncio.sleep(0.02)
    sending.cancel()
    await asyncio.wait({sending})
    (entry,) = found
    assert (entry["action"], entry["actor"], entry["owner"]) == ("request.cancel", "usr_helper", "local")
    assert entry["address"] == "127.0.0.1"
