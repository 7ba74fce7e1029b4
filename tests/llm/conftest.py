"""Fixtures of the model room."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.llm import parts as real
from tests.llm.parts import Parts


@pytest_asyncio.fixture
async def parts(database_url: str, simulator: str) -> AsyncIterator[Parts]:
    async with real.parts(database_url, simulator) as made:
        yield made
