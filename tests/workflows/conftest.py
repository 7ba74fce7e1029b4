"""The whole product in the test's process: API, worker and their services, over real parts."""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from pydantic import SecretStr

import worker
from api.parts import Deployment, Parts
from api.serving import listen, serve
from domain.placement import Placement
from runtime import search_attributes, temporal
from runtime.settings import Settings
from services.storage.event_reader import EventReader
from tests.workflows.product import Product

_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="session")
async def product_settings(settings: Settings, database_url: str, temporal_address: str, simulator: str) -> Settings:
    """Settings that name the run's real parts, and a task queue of this folder's own."""
    return settings.model_copy(
        update={
            "database_url": SecretStr(database_url),
            "temporal_address": temporal_address,
            "openai_base_url": simulator,
            "openai_model": "longhaul-sim",
            "provider_label": "simulated",
            "task_queue": f"workflows-{secrets.token_hex(4)}",
        }
    )


@pytest_asyncio.fixture(scope="session")
async def _running(product_settings: Settings, simulator: str) -> AsyncIterator[Product]:
    async with worker.open_services(product_settings) as services:
        client = await temporal.connect(product_settings)
        await search_attributes.ensure(client)
        parts = Parts(
            database=services.db,
            reader=EventReader(services.db),
            temporal=client,
            deployment=Deployment(
                task_queue=product_settings.task_queue, placement=Placement.AUTO, eager_start=True, simulated=True
            ),
        )
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        async with worker.build_worker(client, product_settings, services):
            serving = asyncio.create_task(serve(parts, listener))
            async with (
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as api,
                httpx.AsyncClient(base_url=simulator.removesuffix("/v1"), timeout=30, trust_env=False) as model,
            ):
                yield Product(api, model, client, "longhaul-sim")
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


@pytest_asyncio.fixture
async def product(_running: Product) -> Product:
    """The running product, with a model name of the test's own: its faults and its calls touch no other test."""
    return _running.with_model(f"longhaul-sim-{next(_numbers)}-{secrets.token_hex(3)}")
