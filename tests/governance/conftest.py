"""A pool on the run's database for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.storage.database import Database


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()
