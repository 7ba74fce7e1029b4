"""A person signs in to a tool server."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from domain.errors import ToolAuthNeeded, ToolRefused, ToolUnavailable, Unavailable
from domain.tool_server import AuthorizationCode, BearerToken, Http, Stdio, ToolServer
from services.net.guard import guarded_transport
from services.storage.database import Database
from services.storage.statements import Statements
from services.tools.sign_in import oauth, tokens
from services.tools.sign_in.oauth import ToolAuth
from services.tools.sign_in.oauth_flow import check_scheme
from services.tools.sign_in.tokens import Holder, SignInAnswer
from services.vault.vault import Vault
from simulators.oauth_server.settings import Settings
from tests.tools.oauth.parts import BY_CODE, CLIENT_ID, CLIENT_SECRET, Person, ask
from tests.tools.oauth.served import Sim, serve


async def test_nobody_is_let_in_before_somebody_signed_in(sim: Sim, tool_auth: ToolAuth) -> None:
    with pytest.raises(ToolAuthNeeded):
        await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))
    assert sim.count("turned away") == 0


async def test_after_signing_in_the_sdks_client_calls_tools(sim: Sim, tool_auth: ToolAuth, person: Person) -> None:
    await person.sign_in(tool_auth)
    assert (sim.count("registered"), sim.count("granted", "authorization_code")) == (1, 1)
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    http = httpx2.AsyncClient(transport=guarded_transport(allow_private=True), auth=auth, timeout=10)
    async with http, Client(streamable_http_client(sim.url, http_client=http)) as client:
        result = await client.call_tool("echo", {"text": "hello"})
    assert result.structured_content == {"result": "hello"}


async def test_a_sign_in_uses_pkce_state_and_the_resource(sim: Sim, tool_auth: ToolAuth, person: Person) -> None:
    await person.sign_in(tool_auth, AuthorizationCode(scope="tools:use files:read"))
    query = parse_qs(urlsplit(person.urls[0]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["resource"] == [sim.url]
    assert query["scope"] == ["tools:use files:read"]
    assert len(query["state"][0]) >= 32


async def test_each_owner_signs_in_for_themselves_and_a_shared_sign_in_serves_all(
    sim: Sim, tool_auth: ToolAuth, person: Person
) -> None:
    await person.sign_in(tool_auth, owner="ann")
    with pytest.raises(ToolAuthNeeded):
        await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "bob"))
    shared = AuthorizationCode(shared=True)
    await person.sign_in(tool_auth, shared, owner="ann")
    assert (await ask(sim, tool_auth.for_server(sim.server(shared), "bob"))).status_code == 200


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_configured_client_shows_its_secret_as_the_server_wants_it(method: str, tool_auth: ToolAuth) -> None:
    settings = Settings(clients={CLIENT_ID: CLIENT_SECRET}, methods=(method,), registration=False)
    with serve(settings) as sim:
        auth = AuthorizationCode(client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
        await Person(sim).sign_in(tool_auth, auth)
        assert (await ask(sim, tool_auth.for_server(sim.server(auth), "ann"))).status_code == 200
        assert sim.count("registered") == 0


async def test_the_browser_may_come_back_to_another_process(
    sim: Sim, tool_auth: ToolAuth, database_url: str, vault: Vault
) -> None:
    """The one that waits finds the code in the database, sealed; it is taken once."""
    other = Database(database_url)

    async def on_url(url: str) -> None:
        found = await tokens.pending(other, Holder("guarded", "ann"))
        assert found is not None
        assert found.url == url
        answer = await asyncio.to_thread(sim.browse, url)
        assert found == await tokens.find_sign_in(other, answer.state)
        assert await tokens.put_code(other, vault, answer)
        assert not await tokens.put_code(other, vault, answer)
        assert answer.code.encode() not in (await other.fetch("SELECT code FROM tool_sign_in"))[0]["code"]

    await tool_auth.authorize(sim.server(BY_CODE), "ann", on_url=on_url)
    assert await other.fetch("SELECT 1 FROM tool_sign_in") == []
    await other.close()
    assert (await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "another"},
        {"iss": "https://elsewhere.test"},
        {"iss": None},
        {"code": "made-up"},
        {"code": ""},
        {"error": "access_denied"},
        {"error": "<b>hidden</b>"},
    ],
)
async def test_what_comes_back_must_belong_to_this_sign_in(
    sim: Sim, db: Database, tool_auth: ToolAuth, changed: dict[str, str | None]
) -> None:
    answers: list[SignInAnswer] = []

    async def on_url(url: str) -> None:
        answers.append(await asyncio.to_thread(sim.browse, url))

    async def wait_code(_state: str) -> SignInAnswer:
        return answers[0].model_copy(update=changed)

    with pytest.raises(ToolAuthNeeded) as caught:
        await tool_auth.authorize(sim.server(BY_CODE), "ann", on_url=on_url, wait_code=wait_code)
    assert "<b>" not in str(caught.value)
    assert await db.fetch("SELECT 1 FROM tool_token UNION ALL SELECT 1 FROM tool_sign_in") == []


async def test_a_person_may_refuse(sim: Sim, tool_auth: ToolAuth, person: Person) -> None:
    sim.behave(deny=True)
    with pytest.raises(ToolAuthNeeded, match="access_denied"):
        await person.sign_in(tool_auth)


async def test_a_person_who_never_comes_is_not_waited_for_longer(
    sim: Sim, tool_auth: ToolAuth, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth, "SIGN_IN_LIMIT_S", 1.0)

    async def on_url(_url: str) -> None: ...

    with pytest.raises(ToolAuthNeeded, match="time limit"):
        await tool_auth.authorize(sim.server(BY_CODE), "ann", on_url=on_url)
    assert await db.fetch("SELECT 1 FROM tool_sign_in") == []


async def test_an_authorization_server_in_trouble_is_not_a_refusal(
    sim: Sim, tool_auth: ToolAuth, person: Person
) -> None:
    sim.behave(failure=503)
    with pytest.raises(ToolUnavailable):
        await person.sign_in(tool_auth)


async def test_a_server_that_lets_anyone_ask_can_still_be_signed_in_to(
    sim: Sim, tool_auth: ToolAuth, person: Person
) -> None:
    sim.behave(anonymous=True)
    await person.sign_in(tool_auth)
    assert sim.count("granted", "authorization_code") == 1


async def test_a_fixed_token_goes_to_its_server_only(sim: Sim, tool_auth: ToolAuth) -> None:
    auth = tool_auth.for_server(sim.server(BearerToken(token="hunter2")), "ann")
    assert (await ask(sim, auth)).status_code == 401
    assert sim.count("turned away", "with a token") == 1
    elsewhere = tool_auth.for_server(sim.server(BearerToken(token="hunter2"), url="http://localhost:1/mcp"), "ann")
    await ask(sim, elsewhere)
    assert sim.count("turned away", "without a token") == 1


async def test_servers_without_oauth_have_nothing_to_sign_in_to(tool_auth: ToolAuth, sim: Sim) -> None:
    servers = (
        ToolServer(id="local", reach=Stdio(command="git")),
        ToolServer(id="open", reach=Http(url="https://example.org/mcp")),
    )
    for server in (*servers, sim.server(BearerToken(token="t"))):
        with pytest.raises(ToolRefused):
            await tool_auth.authorize(server, "ann", on_url=Person(sim).on_url)
    assert [tool_auth.for_server(server, "ann") for server in servers] == [None, None]


async def test_an_authorization_server_in_a_private_network_is_refused(tool_auth: ToolAuth, sim: Sim) -> None:
    server = ToolServer(id="guarded", reach=Http(url=sim.url, auth=BY_CODE, allow_private=False))
    with pytest.raises(ToolRefused):
        await tool_auth.authorize(server, "ann", on_url=Person(sim).on_url)


def test_credentials_travel_in_the_clear_only_where_a_private_network_is_allowed() -> None:
    for url in ("http://as.test/token", "javascript:alert(1)"):
        with pytest.raises(ToolRefused):
            check_scheme(url, Http(url="https://example.org/mcp"))
    check_scheme("https://as.test/token", Http(url="https://example.org/mcp"))
    check_scheme("http://as.test/token", Http(url="https://example.org/mcp", allow_private=True))


async def test_a_database_that_is_away_for_a_moment_does_not_end_the_wait_for_a_person(
    sim: Sim, tool_auth: ToolAuth, vault: Vault, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, away = tokens.take_code, [True, True]

    async def take_later(where: Statements, vault: Vault, state: str) -> SignInAnswer | None:
        if away and away.pop():
            raise Unavailable("the database does not answer")
        return await take(where, vault, state)

    async def on_url(url: str) -> None:
        assert await tokens.put_code(db, vault, await asyncio.to_thread(sim.browse, url))

    monkeypatch.setattr(tokens, "take_code", take_later)
    await tool_auth.authorize(sim.server(BY_CODE), "ann", on_url=on_url)
    assert (await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))).status_code == 200
