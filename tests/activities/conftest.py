"""Fixtures of the activities: the real parts and an activity of each port."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.activities.stage import Stage
from tests.llm import parts as real


@pytest_asyncio.fixture
async def stage(database_url: str, simulator: str) -> AsyncIterator[Stage]:
    async with real.parts(database_url, simulator) as made:
        yield Stage(made)
