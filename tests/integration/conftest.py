"""A database of a module's own: the tool servers that are registered there are offered to no other module's plans."""

import pytest_asyncio

from tests.integration.served import new_database


@pytest_asyncio.fixture(scope="module")
async def own_database(database_url: str) -> str:
    """The address of an empty database with our tables."""
    return await new_database(database_url)
