"""The real API on a loopback port: `idle` without workers, `product` with one, over the run's real parts."""

import secrets
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from pydantic import SecretStr
from temporalio.client import Client

from api.parts import Deployment, Parts
from composition.services import Services, open_services
from composition.start import import_configuration
from composition.workers import build_worker
from runtime import search_attributes, temporal
from runtime.settings import Settings
from services.llm.admin import PoolAdmin
from services.storage.database import Database
from services.storage.event_reader import EventReader
from tests.api.served import serving
from tests.keys import MASTER_KEYS, known, settle
from tests.workflows.product import Product


@pytest_asyncio.fixture(scope="session")
async def served_settings(settings: Settings, database_url: str, temporal_address: str, simulator: str) -> Settings:
    """Settings that name the run's real parts, and a task queue of this folder's own."""
    return settings.model_copy(
        update={
            "database_url": SecretStr(database_url),
            "temporal_address": temporal_address,
            "openai_base_url": simulator,
            "openai_model": "longhaul-sim",
            "provider_label": "simulated",
            "task_queue": f"api-{secrets.token_hex(4)}",
            "master_keys": SecretStr(MASTER_KEYS),
        }
    )


@pytest_asyncio.fixture(scope="session")
async def client(served_settings: Settings) -> Client:
    """A Temporal client that speaks our values."""
    connected = await temporal.connect(served_settings)
    await search_attributes.ensure(connected)
    return connected


@pytest_asyncio.fixture(scope="session")
async def services(served_settings: Settings) -> AsyncIterator[Services]:
    """The worker's services; the API shares their database."""
    async with open_services(served_settings) as opened:
        await import_configuration(served_settings, opened)
        yield opened


@pytest_asyncio.fixture(scope="session")
async def database(services: Services) -> Database:
    """The database, its commits announced to readers."""
    return services.db


@pytest_asyncio.fixture(scope="session")
async def idle_parts(database: Database, client: Client) -> AsyncIterator[Parts]:
    """Parts whose requests no worker takes: they stay as they were accepted."""
    deployment = Deployment(task_queue=f"nobody-{secrets.token_hex(4)}")
    parts = await known(Parts(database, EventReader(database), client, deployment))
    yield parts
    await settle(parts)


@pytest_asyncio.fixture(scope="session")
async def idle(idle_parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API without workers."""
    async with serving(idle_parts) as api:
        yield api


@pytest_asyncio.fixture(scope="session")
async def _working(
    served_settings: Settings, services: Services, client: Client, simulator: str
) -> AsyncIterator[Product]:
    web = "http://127.0.0.1:8233"
    deployment = Deployment(served_settings.task_queue, eager_start=True, simulated=True, temporal_web=web)
    pool = PoolAdmin(services.db, services.vault)
    workers = build_worker(client, served_settings, services)
    parts = Parts(
        services.db,
        EventReader(services.db),
        client,
        deployment,
        pool=pool,
        live=services.live,
        flights=workers.flights,
    )
    async with (
        workers,
        serving(parts) as api,
        httpx.AsyncClient(base_url=simulator.removesuffix("/v1"), trust_env=False) as provider,
    ):
        yield Product(api, provider, client, "longhaul-sim", served_settings.task_queue, services, pool)


@pytest_asyncio.fixture
async def product(_working: Product) -> Product:
    """The API with a worker; each test has a model name, and so faults and calls, of its own."""
    return await _working.with_own_model(f"longhaul-sim-{secrets.token_hex(4)}")
