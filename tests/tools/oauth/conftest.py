"""A database, a vault, the simulated server, and a clock that tests set."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from services.storage.database import Database
from services.tools.sign_in.oauth import ToolAuth
from services.vault.vault import Vault
from simulators.oauth_server.settings import Settings
from tests.tools.oauth.parts import CLIENT_ID, CLIENT_SECRET, Clock, Person, make_vault
from tests.tools.oauth.served import REDIRECT_URI, Sim, serve


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.fetch("DELETE FROM tool_token")
    await database.fetch("DELETE FROM tool_sign_in")
    yield database
    await database.close()


@pytest.fixture
def vault() -> Vault:
    return make_vault()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tool_auth(db: Database, vault: Vault, clock: Clock) -> ToolAuth:
    return ToolAuth(db, vault, redirect_uri=REDIRECT_URI, now=clock)


@pytest.fixture(scope="session")
def shared_sim() -> Iterator[Sim]:
    with serve(Settings(clients={CLIENT_ID: CLIENT_SECRET})) as running:
        yield running


@pytest.fixture
def sim(shared_sim: Sim) -> Sim:
    """The server as at the start, with nobody signed in."""
    shared_sim.behave()
    shared_sim.revoke()
    shared_sim.forget_log()
    return shared_sim


@pytest.fixture
def person(sim: Sim) -> Person:
    return Person(sim)
