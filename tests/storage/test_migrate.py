import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from domain.errors import Unavailable
from services.storage import engine
from services.storage.database import Database
from services.storage.migrate import migrate
from services.storage.schema import METADATA
from tests.storage.samples import accepted, log, new_id


@pytest_asyncio.fixture
async def empty_url(database_url: str) -> AsyncIterator[str]:
    name = f"empty_{new_id()}"
    await _alone(database_url, f"CREATE DATABASE {name}")
    url = make_url(engine.sqlalchemy_url(database_url)).set(database=name)
    yield url.render_as_string(hide_password=False)
    await _alone(database_url, f"DROP DATABASE {name} WITH (FORCE)")


async def _alone(url: str, statement: str) -> None:
    made = create_async_engine(engine.sqlalchemy_url(url), isolation_level="AUTOCOMMIT")
    async with made.connect() as connection:
        await connection.exec_driver_sql(statement)
    await made.dispose()


async def test_an_empty_database_is_ready_after_one_run_and_after_two(empty_url: str) -> None:
    await migrate(empty_url)
    await migrate(empty_url)
    await _works(empty_url)


async def test_processes_may_migrate_at_once(empty_url: str) -> None:
    await asyncio.gather(*(migrate(empty_url) for _ in range(4)))
    await _works(empty_url)


async def _works(url: str) -> None:
    db = Database(url)
    assert len(await log(db, await accepted(db))) == 1
    await db.close()


async def test_the_migrations_make_the_tables_of_the_models(empty_url: str) -> None:
    await migrate(empty_url)
    made = create_async_engine(empty_url)
    async with made.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await made.dispose()


def _differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, METADATA))


async def test_the_command_takes_the_address_as_its_argument(empty_url: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.storage.migrate", empty_url)
    assert await process.wait() == 0
    await _works(empty_url)


async def test_a_database_that_is_not_there_is_unavailable(tmp_path: object) -> None:
    with pytest.raises(Unavailable):
        await migrate(f"postgresql://nobody@/none?host={tmp_path}")
