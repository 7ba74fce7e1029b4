"""A pool on the run's database, a vault, and a scripted server whose lists a test writes."""

import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.storage.database import Database
from services.tools.client.commands import Commands
from services.vault.vault import Vault
from tests.tools.registry.scripted import Scripted


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def vault() -> Vault:
    return Vault({"test": bytes(32)}, "test")


@pytest.fixture
def commands() -> Commands:
    return Commands({"mcp-server-time", "mcp-atlassian"}, ())


@pytest.fixture
def server_id() -> str:
    """The id of a server that no other test has."""
    return f"s{secrets.token_hex(6)}"


@pytest_asyncio.fixture
async def scripted(db: Database, vault: Vault, server_id: str) -> AsyncIterator[Scripted]:
    made = await Scripted.make(db, vault, server_id)
    yield made
    await db.fetch("DELETE FROM tool_server WHERE id = $1", server_id)
