"""The whole product in the test's process: API, worker and their services, over real parts."""

import itertools
import secrets
from collections.abc import AsyncIterator

import pytest_asyncio

from runtime.settings import Settings
from tests.workflows.product import Product
from tests.workflows.running import running, settings_of

_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="session")
async def _running(
    settings: Settings, database_url: str, temporal_address: str, simulator: str
) -> AsyncIterator[Product]:
    async with running(settings_of(settings, database_url, temporal_address, simulator)) as product:
        yield product


@pytest_asyncio.fixture
async def product(_running: Product) -> Product:
    """The running product, with a model name of the test's own: its faults and its calls touch no other test."""
    return await _running.with_own_model(f"longhaul-sim-{next(_numbers)}-{secrets.token_hex(3)}")
