"""The gateway's API over the real database and Temporal server, with nobody to run workflows: tests play the maker."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest_asyncio

from api.parts import Parts
from runtime.settings import Settings
from services.storage.database import Database
from services.storage.event_reader import EventReader
from services.storage.live import Live
from tests.api.gateway.maker import Maker, ScriptedModels
from tests.api.gateway.sdk import Gateway, without_any_model
from tests.api.served import serving
from tests.integration.served import new_database
from tests.workflows.running import running, settings_of


@pytest_asyncio.fixture(scope="session")
async def _gate(idle_parts: Parts, database: Database) -> AsyncIterator[tuple[Parts, httpx.AsyncClient]]:
    parts = replace(idle_parts, reader=EventReader(database, poll_s=0.1), pool=ScriptedModels(), live=Live())
    async with serving(parts) as api:
        yield parts, api


@pytest_asyncio.fixture(scope="session")
async def gate_parts(_gate: tuple[Parts, httpx.AsyncClient]) -> Parts:
    """Parts of an API in whose process calls are made; it is being served."""
    return _gate[0]


@pytest_asyncio.fixture(scope="session")
async def gate(_gate: tuple[Parts, httpx.AsyncClient]) -> httpx.AsyncClient:
    """A client of that API."""
    return _gate[1]


@pytest_asyncio.fixture(scope="session")
async def maker(gate_parts: Parts) -> Maker:
    """Who makes its calls."""
    return Maker(gate_parts.database, gate_parts.live)


@pytest_asyncio.fixture(scope="session")
async def far_gate(idle_parts: Parts, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API whose calls are made in other processes: it has the log alone."""
    parts = replace(idle_parts, reader=EventReader(database, poll_s=0.1), pool=ScriptedModels())
    async with serving(parts) as api:
        yield api


@pytest_asyncio.fixture(scope="session")
async def far_maker(database: Database) -> Maker:
    """Who makes those."""
    return Maker(database, None)


@pytest_asyncio.fixture(scope="session")
async def gateway(
    settings: Settings, database_url: str, temporal_address: str, simulator: str
) -> AsyncIterator[Gateway]:
    """The whole product for the official SDKs, with a pool of its own that knows the models of its tests, no others."""
    own_database = await new_database(database_url)
    async with running(settings_of(settings, own_database, temporal_address, simulator)) as product:
        await without_any_model(product)
        yield Gateway(product)
