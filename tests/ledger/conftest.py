"""A till on the run's database, and books in a database of their own."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.storage.database import Database
from tests.ledger.books import Books, scratch
from tests.ledger.till import Till


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=20)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def till(db: Database) -> Till:
    return Till(db)


@pytest_asyncio.fixture(scope="session")
async def empty_ledger(database_url: str) -> AsyncIterator[str]:
    """The address of a database with our tables that nobody uses: to be copied."""
    async with scratch(database_url) as url:
        yield url


@pytest_asyncio.fixture
async def books(database_url: str, empty_ledger: str) -> AsyncIterator[Books]:
    async with scratch(database_url, empty_ledger) as url:
        database = Database(url)
        yield Books(database)
        await database.close()
