from collections.abc import AsyncIterator

import pytest_asyncio

from services.llm.adapters import open_adapters
from tests.llm.adapters.asking import Adapters


@pytest_asyncio.fixture(scope="session")
async def adapters() -> AsyncIterator[Adapters]:
    """The adapters as a process has them; what they remember, they remember of a server's address."""
    async with open_adapters() as opened:
        yield opened


@pytest_asyncio.fixture(scope="session")
async def strict_adapters() -> AsyncIterator[Adapters]:
    """Adapters that take answers of 8 MB at most."""
    async with open_adapters(max_connections=10, answer_limit=8_000_000) as opened:
        yield opened
