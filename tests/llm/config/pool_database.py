"""A database of a test folder's own: imports take the whole pool into account, and others rely on theirs."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from services.storage import engine
from services.storage.migrate import migrate


@asynccontextmanager
async def own_database(url: str) -> AsyncIterator[str]:
    """Make a database with our tables beside another; gives its address."""
    name = f"pool_{secrets.token_hex(6)}"
    await _alone(url, f"CREATE DATABASE {name}")
    try:
        own = make_url(engine.sqlalchemy_url(url)).set(database=name).render_as_string(hide_password=False)
        await migrate(own)
        yield own
    finally:
        await _alone(url, f"DROP DATABASE {name} WITH (FORCE)")


async def _alone(url: str, statement: str) -> None:
    made = create_async_engine(engine.sqlalchemy_url(url), isolation_level="AUTOCOMMIT")
    async with made.connect() as connection:
        await connection.exec_driver_sql(statement)
    await made.dispose()
