"""The registry and the rules over the API: lists, approvals, effects, policy."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from composition.services import Services
from runtime.settings import Settings
from tests.api.tool_desk import Desk, Simulated, desk, simulated
from tests.identity.people import People
from tests.keys import VAULT, bearer
from tests.workflows.product import Product

HALF = base64.urlsafe_b64encode(b'["a", "b", "\\ud800"]').decode()
"""A cursor with half of a surrogate pair."""


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


def named(listed: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in listed if each["name"] == name)


async def test_tools_are_listed_with_all_that_is_known(tools: Desk, server: Simulated) -> None:
    server_id = await tools.add_read(server.url)
    add = named(await tools.tools(server_id), "add")
    assert add["kind"] == "tool"
    assert add["input_schema"]["type"] == "object"
    assert (add["approval"], add["effect"]) == ("approved", "read")
    assert add["hash"] == add["approved_hash"]
    assert add["first_seen"] <= add["last_seen"]


async def test_tools_that_are_not_granted_are_not_shown(tools: Desk, server: Simulated) -> None:
    server_id, people = await tools.add_read(server.url), People(tools.services.db, VAULT)
    granted = {"tool": [f"{server_id}/add"]}
    shown: dict[str, list[str]] = {}
    for permission in ("tools.read", "tools.write"):
        _, key = await people.key(permissions=["tools.read", permission], grants=granted)
        answer = await tools.api.get("/v1/tools", params={"server": server_id}, headers=bearer(key))
        shown[permission] = [each["name"] for each in answer.json()["tools"]]
    await people.close()
    assert shown["tools.read"] == ["add"]
    assert len(shown["tools.write"]) > 1


async def test_tools_are_searched_and_paged(tools: Desk, server: Simulated) -> None:
    server_id = await tools.add_read(server.url)
    names = [(each["kind"], each["name"]) for each in await tools.tools(server_id)]
    assert ("tool", "note_create") in [(e["kind"], e["name"]) for e in await tools.tools(server_id, query="NOTE_cr")]
    assert await tools.tools(server_id, query="nothing_like_it") == []
    assert await tools.tools(server_id, approval="new") == []
    paged: list[tuple[str, str]] = []
    query: dict[str, Any] = {"server": server_id, "limit": 3}
    while True:
        page = await tools.get("/v1/tools", **query)
        paged += [(each["kind"], each["name"]) for each in page["tools"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]
    assert paged == names


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "nonsense"},
        {"cursor": "W10"},
        {"cursor": "W1tb"},
        {"cursor": HALF},
        {"limit": 0},
        {"approval": "maybe"},
    ],
)
async def test_a_wrong_query_is_a_422(tools: Desk, query: dict[str, str]) -> None:
    assert (await tools.api.get("/v1/tools", params=query)).status_code == 422


async def test_new_tools_wait_and_are_approved_as_they_were_seen(tools: Desk, server: Simulated) -> None:
    server_id = await tools.add_read(server.url, approve_first=False)
    waiting = await tools.tools(server_id, approval="new")
    add = named(waiting, "add")
    key = {"server": server_id, "kind": "tool", "name": "add"}
    other = named(waiting, "echo")["hash"]
    stale = await tools.api.post("/v1/tools/approve", json={**key, "hash": other})
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    assert named(await tools.tools(server_id), "add")["approval"] == "new"
    await tools.post("/v1/tools/approve", {**key, "hash": add["hash"]}, 204)
    assert named(await tools.tools(server_id), "add")["approval"] == "approved"
    missing = await tools.api.post("/v1/tools/approve", json={**key, "name": "no", "hash": other})
    assert missing.status_code == 404
    assert (await tools.api.post("/v1/tools/approve", json={**key, "hash": "x"})).status_code == 422


async def test_an_admin_says_what_a_tool_does(tools: Desk, server: Simulated) -> None:
    server_id = await tools.add_read(server.url)
    key = {"server": server_id, "kind": "tool", "name": "add"}
    await tools.post("/v1/tools/effect", {**key, "effect": "destructive"}, 204)
    add = named(await tools.tools(server_id), "add")
    assert (add["effect"], add["effect_override"]) == ("destructive", "destructive")
    await tools.refresh(server_id)
    assert named(await tools.tools(server_id), "add")["effect"] == "destructive"
    await tools.post("/v1/tools/effect", {**key, "effect": None}, 204)
    assert named(await tools.tools(server_id), "add")["effect"] == "read"
    assert (await tools.api.post("/v1/tools/effect", json={**key, "name": "x", "effect": None})).status_code == 404


async def test_a_drifted_tool_shows_what_has_changed(tools: Desk, server: Simulated) -> None:
    server_id = await tools.add_read(server.url)
    add = named(await tools.tools(server_id), "add")
    was = f"sha256:{secrets.token_hex(32)}"
    for statement, *values in (
        ("INSERT INTO tool_contract SELECT $2, capability FROM tool_contract WHERE hash = $1", add["hash"], was),
        ('UPDATE tool_contract SET capability = capability || \'{"description": "as approved"}\' WHERE hash = $1', was),
        ("UPDATE tool_capability SET approved_hash = $2, hash = $2 WHERE server = $1 AND name = 'add'", server_id, was),
    ):
        await tools.services.db.fetch(statement, *values)
    assert (await tools.refresh(server_id))["error"] is None
    changed = named(await tools.tools(server_id, approval="changed"), "add")
    assert [(change["field"], change["before"]) for change in changed["changes"]] == [("description", "as approved")]
    newest = (await tools.get(f"/v1/tool-servers/{server_id}/changes", limit=1))["changes"][0]
    assert (newest["change"], newest["name"]) == ("changed", "add")
    assert newest["changes"] == changed["changes"]


async def test_rules_are_added_listed_and_removed(tools: Desk) -> None:
    body = {"server": "rules-only-here", "tool": "x", "decision": "run", "timeout_s": 60, "default": "approve"}
    added = await tools.post("/v1/tool-rules", body, 201)
    assert added["gates_told"] is True
    rule = added["rule"]
    assert {key: rule[key] for key in body} == body
    assert rule in (await tools.get("/v1/tool-rules"))["rules"]
    removed = await tools.api.delete(f"/v1/tool-rules/{rule['number']}")
    assert removed.json() == {"rule": None, "gates_told": True}
    assert rule not in (await tools.get("/v1/tool-rules"))["rules"]
    assert (await tools.api.delete(f"/v1/tool-rules/{rule['number']}")).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"decision": "perhaps"}, {"decision": "run", "timeout_s": -1}, {"decision": "run", "number": 3}]
)
async def test_what_is_no_rule_is_a_422(tools: Desk, body: dict[str, Any]) -> None:
    assert (await tools.api.post("/v1/tool-rules", json=body)).status_code == 422


async def test_many_changes_of_the_rules_at_once_are_all_kept(tools: Desk) -> None:
    body = {"server": "rules-only-here", "decision": "ask"}
    made = await asyncio.gather(*(tools.post("/v1/tool-rules", body, 201) for _ in range(5)))
    assert len({each["rule"]["number"] for each in made}) == 5
    for each in made:
        await tools.api.delete(f"/v1/tool-rules/{each['rule']['number']}")
