"""The pool's tables in a database of this folder's own, empty at the start of each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.llm.admin import PoolAdmin
from services.storage.database import Database
from services.vault.vault import Vault
from tests.llm.config.pool_database import own_database
from tests.llm.config.stage import Stage

_TABLES = "pool_provider, pool_account, pool_limit, pool_deployment, pool_route, pool_change, pool_node"


@pytest_asyncio.fixture(scope="session")
async def pool_url(database_url: str) -> AsyncIterator[str]:
    async with own_database(database_url) as url:
        yield url


@pytest_asyncio.fixture
async def db(pool_url: str) -> AsyncIterator[Database]:
    database = Database(pool_url)
    await database.fetch(f"TRUNCATE {_TABLES}")
    await database.fetch("UPDATE pool_version SET imported = '{}'")
    yield database
    await database.close()


@pytest_asyncio.fixture
async def vault() -> Vault:
    return Vault({"k1": b"1" * 32}, active="k1")


@pytest_asyncio.fixture
async def stage(db: Database, vault: Vault) -> Stage:
    return Stage(db, vault, PoolAdmin(db, vault))
