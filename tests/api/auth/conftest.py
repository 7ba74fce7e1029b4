"""The real API with log-ins, over the run's database, and a simulated OpenID provider on loopback."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest
import pytest_asyncio

from api.parts import Parts
from services.identity.authenticator import Authenticator
from services.identity.doors import Doors
from services.storage.database import Database
from services.storage.event_reader import EventReader
from simulators.oidc_provider.settings import Settings
from tests.api.auth.provider import CLIENT_ID, CLIENT_SECRET, PUBLIC_CLIENT, Sim, serve
from tests.api.served import serving
from tests.identity.passworded import doors_of
from tests.keys import VAULT


@pytest_asyncio.fixture(scope="session")
async def doors(database: Database) -> Doors:
    return doors_of(database, VAULT)


@pytest_asyncio.fixture(scope="session")
async def api(idle_parts: Parts, doors: Doors, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A client that comes as the tests' admin; without the header it is nobody."""
    identity = Authenticator(database, VAULT, tokens=doors.tokens)
    async with serving(replace(idle_parts, reader=EventReader(database), doors=doors, identity=identity)) as client:
        yield client


@pytest_asyncio.fixture
async def nobody(api: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a key, with cookies of its own."""
    async with httpx.AsyncClient(base_url=api.base_url, trust_env=False, timeout=15.0) as client:
        yield client


@pytest.fixture(scope="session")
def shared_sim() -> Iterator[Sim]:
    with serve(Settings({CLIENT_ID: CLIENT_SECRET, PUBLIC_CLIENT: None})) as running:
        yield running


@pytest.fixture
def sim(shared_sim: Sim) -> Sim:
    """The provider as at the start."""
    shared_sim.behave()
    shared_sim.forget_log()
    return shared_sim
