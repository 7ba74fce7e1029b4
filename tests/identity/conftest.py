"""A migrated database of this folder's own: what is sealed in it is sealed by this folder's vault."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from services.storage import engine
from services.storage.database import Database
from services.storage.migrate import migrate
from services.vault.vault import KEY_BYTES, Vault
from tests.identity.people import People


@pytest.fixture(scope="session")
def vault() -> Vault:
    return Vault({"test": secrets.token_bytes(KEY_BYTES)}, active="test")


@pytest_asyncio.fixture(scope="session")
async def identity_url(database_url: str) -> AsyncIterator[str]:
    """The database that this folder's tests share."""
    async with _own_database(database_url) as url:
        await migrate(url)
        yield url


@pytest_asyncio.fixture
async def db(identity_url: str) -> AsyncIterator[Database]:
    database = Database(identity_url)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def first_start(database_url: str) -> AsyncIterator[Database]:
    """A database in which nobody has a key yet."""
    async with _own_database(database_url) as url:
        await migrate(url)
        database = Database(url)
        yield database
        await database.close()


@asynccontextmanager
async def _own_database(database_url: str) -> AsyncIterator[str]:
    name = f"identity_{secrets.token_hex(6)}"
    await _alone(database_url, f"CREATE DATABASE {name}")
    url = make_url(engine.sqlalchemy_url(database_url)).set(database=name)
    yield url.render_as_string(hide_password=False)
    await _alone(database_url, f"DROP DATABASE {name} WITH (FORCE)")


async def _alone(url: str, statement: str) -> None:
    made = create_async_engine(engine.sqlalchemy_url(url), isolation_level="AUTOCOMMIT")
    async with made.connect() as connection:
        await connection.exec_driver_sql(statement)
    await made.dispose()


@pytest_asyncio.fixture
async def people(db: Database, vault: Vault) -> AsyncIterator[People]:
    """Users and keys, in the database that this folder's tests share."""
    made = People(db, vault)
    yield made
    await made.close()
