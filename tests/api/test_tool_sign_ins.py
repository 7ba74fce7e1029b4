"""Signing in at a tool server over the API: a link to open, a way back, and what the server offers read at the end."""

import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from temporalio.client import Client

from composition.services import Services
from runtime.settings import Settings
from services.tools.sign_in import tokens
from services.tools.sign_in.tokens import Holder
from tests.api.tool_desk import Desk, Json, Simulated, desk, simulated
from tests.keys import bearer
from tests.workflows.product import Product, eventually

BACK = "/v1/tool-sign-ins/callback"


@pytest_asyncio.fixture(scope="module")
async def tools(
    _working: Product, services: Services, client: Client, served_settings: Settings
) -> AsyncIterator[Desk]:
    async with desk(services, client, served_settings.task_queue) as made:
        yield made


@pytest_asyncio.fixture(scope="module")
async def guarded() -> AsyncIterator[Simulated]:
    """A server behind OAuth."""
    async with simulated("simulators.oauth_server") as made:
        yield made


async def guarded_id(tools: Desk, server: Simulated, *, shared: bool = False) -> str:
    auth = {"type": "authorization_code", "shared": shared}
    made = await tools.add({"transport": "http", "url": server.url, "allow_private": True, "auth": auth})
    return str(made["id"])


async def begun(tools: Desk, server_id: str) -> Json:
    started = await tools.post(f"/v1/tool-servers/{server_id}/sign-in")
    assert started["url"]
    return started


async def way_back(server: Simulated, url: str) -> str:
    """Open the page as a browser does, and return the query that it is sent back with."""
    answer = await server.control.get(url, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    return urlsplit(answer.headers["location"]).query


@pytest.mark.parametrize("shared", [False, True])
async def test_whoever_signed_in_may_use_the_server(tools: Desk, guarded: Simulated, shared: bool) -> None:
    server_id = await guarded_id(tools, guarded, shared=shared)
    assert "sign" in (await tools.refresh(server_id))["error"]
    started = await begun(tools, server_id)
    assert await tools.get(f"/v1/tool-sign-ins/{started['state']}") == started
    page = await tools.api.get(f"{BACK}?{await way_back(guarded, started['url'])}")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Thank you" in page.text

    async def read() -> bool:
        state: Json = (await tools.get(f"/v1/tool-servers/{server_id}"))["state"]
        return bool(state["ok"])

    await eventually(read)
    assert await tools.tools(server_id)
    assert (await tools.api.get(f"/v1/tool-sign-ins/{started['state']}")).status_code == 404


async def test_asking_twice_joins_the_sign_in_that_is_under_way(tools: Desk, guarded: Simulated) -> None:
    server_id = await guarded_id(tools, guarded)
    assert await begun(tools, server_id) == await begun(tools, server_id)


async def test_a_code_is_taken_once_and_never_shown(tools: Desk, guarded: Simulated) -> None:
    server_id = await guarded_id(tools, guarded)
    started = await begun(tools, server_id)
    query = await way_back(guarded, started["url"])
    pages = [await tools.api.get(f"{BACK}?{query}") for _ in range(2)]
    assert pages[0].status_code == 200
    assert pages[1].status_code in {404, 409}
    code = httpx.QueryParams(query)["code"]
    assert all(code not in page.text for page in pages)
    assert all(page.headers["cache-control"] == "no-store" for page in pages)


async def test_a_person_who_declines_is_told_so(tools: Desk, guarded: Simulated) -> None:
    server_id = await guarded_id(tools, guarded)
    started = await begun(tools, server_id)
    page = await tools.api.get(BACK, params={"state": started["state"], "error": "access_denied"})
    assert page.status_code == 200
    assert "have not signed in" in page.text


async def test_a_sign_in_of_somebody_else_is_not_found(tools: Desk, services: Services) -> None:
    state = secrets.token_hex(8)
    sign_in = tokens.SignIn(state, Holder("other", "somebody"), "https://example.org/sign-in")
    await tokens.begin_sign_in(services.db, sign_in, 60)
    assert (await tools.api.get(f"/v1/tool-sign-ins/{state}")).status_code == 404
    await tokens.end_sign_in(services.db, state)


async def test_a_browser_comes_back_without_a_key(tools: Desk, guarded: Simulated) -> None:
    started = await begun(tools, await guarded_id(tools, guarded))
    del tools.api.headers["authorization"]
    page = await tools.api.get(f"{BACK}?{await way_back(guarded, started['url'])}")
    tools.api.headers.update(bearer())
    assert "Thank you" in page.text


@pytest.mark.parametrize("state", ["nobodys", "%00", "<script>", "\n"])
async def test_a_state_that_nobody_waits_for_is_not_found(tools: Desk, state: str) -> None:
    page = await tools.api.get(BACK, params={"state": state, "code": "<b>"})
    assert page.status_code == 404
    assert "<b>" not in page.text
    assert "<script>" not in page.text


async def test_a_callback_without_state_is_a_422(tools: Desk) -> None:
    assert (await tools.api.get(BACK, params={"code": "x"})).status_code == 422


async def test_only_servers_with_such_auth_are_signed_in_at(tools: Desk) -> None:
    made = await tools.add({"transport": "http", "url": "http://127.0.0.1:9/mcp", "allow_private": True})
    answer = await tools.api.post(f"/v1/tool-servers/{made['id']}/sign-in")
    assert answer.status_code == 422
