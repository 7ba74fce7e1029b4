"""A database with connections enough for many calls at once, and a way to it that can be cut."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from services.storage.database import Database
from tests.storage.cable import Cable


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=8)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def cable(database_url: str) -> AsyncIterator[Cable]:
    with tempfile.TemporaryDirectory(prefix="lh") as folder:
        made = Cable(database_url, Path(folder))
        yield made
        await made.cut()


@pytest_asyncio.fixture
async def far_db(cable: Cable) -> AsyncIterator[Database]:
    """The same database at the end of the cable."""
    database = Database(cable.url)
    yield database
    await database.close()


@pytest_asyncio.fixture(autouse=True)
async def _no_accounts_left(db: Database) -> AsyncIterator[None]:
    """Other tests list what is configured."""
    yield
    await db.fetch("DELETE FROM pool_limit WHERE account_id LIKE 'acc-%'")
    await db.fetch("DELETE FROM pool_node WHERE account_id LIKE 'acc-%'")
    await db.fetch("DELETE FROM pool_account WHERE id LIKE 'acc-%'")
