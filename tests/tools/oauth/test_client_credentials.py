"""The installation signs in by itself."""

import pytest
from pydantic import AnyHttpUrl

from domain.errors import ToolAuthNeeded, ToolUnavailable
from domain.tool_server import ClientCredentials
from services.storage.database import Database
from services.tools.sign_in import tokens
from services.tools.sign_in.oauth import ToolAuth
from services.tools.sign_in.tokens import Holder
from services.vault.vault import Vault
from simulators.oauth_server.settings import Settings
from tests.tools.oauth.parts import CLIENT_ID, CLIENT_SECRET, ask
from tests.tools.oauth.served import Sim, serve

OURS = ClientCredentials(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, scope="tools:use")


async def test_the_first_request_signs_in_and_all_owners_share_it(sim: Sim, tool_auth: ToolAuth) -> None:
    for owner in ("ann", "bob"):
        assert (await ask(sim, tool_auth.for_server(sim.server(OURS), owner))).status_code == 200
    assert sim.count("granted", "client_credentials") == 1


async def test_a_token_that_ended_is_replaced(sim: Sim, tool_auth: ToolAuth) -> None:
    auth = tool_auth.for_server(sim.server(OURS), "ann")
    for _ in range(2):
        assert (await ask(sim, auth)).status_code == 200
        sim.expire()
    assert (await ask(sim, auth)).status_code == 200
    assert sim.count("granted", "client_credentials") == 3


async def test_the_secret_is_shown_as_the_server_wants_it(tool_auth: ToolAuth) -> None:
    settings = Settings(clients={CLIENT_ID: CLIENT_SECRET}, methods=("client_secret_post",))
    with serve(settings) as sim:
        auth = tool_auth.for_server(sim.server(OURS), "ann")
        assert (await ask(sim, auth)).status_code == 200
        sim.expire()
        assert (await ask(sim, auth)).status_code == 200
        assert (sim.count("refused"), sim.count("granted")) == (1, 2)


async def test_a_wrong_secret_is_for_an_admin_to_mend(sim: Sim, tool_auth: ToolAuth, db: Database) -> None:
    wrong = OURS.model_copy(update={"client_secret": "wrong"})
    with pytest.raises(ToolAuthNeeded, match="invalid_client"):
        await ask(sim, tool_auth.for_server(sim.server(wrong), "ann"))
    assert await db.fetch("SELECT 1 FROM tool_token") == []


async def test_a_changed_secret_is_used_at_once(sim: Sim, tool_auth: ToolAuth) -> None:
    assert (await ask(sim, tool_auth.for_server(sim.server(OURS), "ann"))).status_code == 200
    wrong = OURS.model_copy(update={"client_secret": "wrong"})
    with pytest.raises(ToolAuthNeeded):
        await ask(sim, tool_auth.for_server(sim.server(wrong), "ann"))


async def test_an_authorization_server_in_trouble_is_unavailable(sim: Sim, tool_auth: ToolAuth) -> None:
    sim.behave(failure=502)
    with pytest.raises(ToolUnavailable):
        await ask(sim, tool_auth.for_server(sim.server(OURS), "ann"))
    sim.behave(metadata_failure=500)
    with pytest.raises(ToolUnavailable):
        await ask(sim, tool_auth.for_server(sim.server(OURS), "ann"))


async def test_the_secret_goes_to_the_authorization_server_of_the_first_time_only(
    sim: Sim, tool_auth: ToolAuth, db: Database, vault: Vault
) -> None:
    """A tool server that names another one later does not get the secret sent there."""
    server = sim.server(OURS)
    await ask(sim, tool_auth.for_server(server, "ann"))
    stored = await tokens.load(db, vault, Holder("guarded", ""))
    assert stored is not None
    assert stored.credentials.metadata is not None
    elsewhere = stored.credentials.metadata.model_copy(update={"issuer": AnyHttpUrl("https://the-first.test/as")})
    known = tokens.Stored(stored.credentials.model_copy(update={"metadata": elsewhere}), stored.expires_at)
    await tokens.store(db, vault, Holder("guarded", ""), known)
    sim.expire()
    sim.forget_log()
    with pytest.raises(ToolAuthNeeded):
        await ask(sim, tool_auth.for_server(server, "ann"))
    assert sim.count("asked") == 0
