"""The product beside tool servers that nobody here wrote: a database of the module's own, so that its servers are its own."""

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from services.storage.migrate import migrate


@pytest_asyncio.fixture(scope="module")
async def own_database(database_url: str) -> str:
    """The address of an empty database: what is registered there is offered to no other module's plans."""
    name = f"integration_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    before, _, query = database_url.partition("?")
    url = f"{before.rpartition('/')[0]}/{name}?{query}"
    await migrate(url)
    return url
