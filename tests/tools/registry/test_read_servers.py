"""Real servers that behave badly, read over real connections into the registry."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from domain.tool_server import Http, Limits, ServerOptions, ToolServer
from domain.tools import CAPABILITIES_LIMIT
from services.storage.database import Database
from services.tools.client.commands import Commands
from services.tools.client.connections import Connections
from services.tools.registry import capabilities, history, servers
from services.tools.registry.drift import Movement
from services.tools.registry.refresh import Refreshed, refresh
from services.vault.vault import Vault
from tests.api.tool_desk import Simulated, simulated

UNCHANGED = ["add", "echo", "note_create"]


@dataclass
class Read:
    """A configured server, read over connections of the test's own."""

    db: Database
    connections: Connections
    server: ToolServer
    simulated: Simulated

    async def again(self) -> Refreshed:
        return await refresh(self.db, self.connections, self.server, "hand", pause_s=0.05)

    async def changed(self) -> list[str]:
        views, _ = await history.page(self.db, self.server.id)
        return [view.name for view in views if view.change is Movement.CHANGED]

    async def names(self) -> list[str]:
        rows = await capabilities.usable(self.db, "anybody", [self.server.id])
        return [row.capability.name for row in rows]


@pytest_asyncio.fixture(scope="module")
async def process() -> AsyncIterator[Simulated]:
    async with simulated() as made:
        yield made


@pytest_asyncio.fixture
async def read(
    db: Database, vault: Vault, commands: Commands, server_id: str, process: Simulated
) -> AsyncIterator[Read]:
    await process.behave(None)
    options = ServerOptions(trusted=True, limits=Limits(connect_timeout_s=3))
    server = ToolServer(id=server_id, reach=Http(url=process.url, allow_private=True), options=options)
    async with db.transaction() as tx:
        await servers.create(tx, vault, server)
    async with Connections(commands) as connections:
        yield Read(db, connections, server, process)
    await process.behave(None)
    await db.fetch("DELETE FROM tool_server WHERE id IN ($1, $2)", server_id, f"{server_id}b")


@pytest.mark.parametrize("behaviour", ["description_changes", "schema_changes"])
async def test_a_tool_that_changes_after_its_approval_is_not_usable(read: Read, behaviour: str) -> None:
    await read.again()
    assert "note_create" in await read.names()
    await read.simulated.behave(behaviour)
    await read.again()
    await read.again()
    assert await read.changed() == ["note_create"]
    assert "note_create" not in await read.names()
    assert "echo" in await read.names()


async def test_a_list_that_shrinks_for_a_moment_loses_nothing(read: Read) -> None:
    await read.simulated.behave("list_shrinks")
    whole = await read.again()
    found = await read.again()
    assert (found.removed, found.total) == (0, whole.total)


async def test_what_is_listed_twice_is_refused_and_told(read: Read) -> None:
    await read.simulated.behave("duplicate_tools")
    await read.again()
    assert "echo" not in await read.names()
    state = (await servers.view(read.db, Vault({"test": bytes(32)}, "test"), read.server.id)).state
    assert any(line.startswith("echo: ") for line in state.refused)


async def test_ten_thousand_tools_are_cut_and_told(read: Read) -> None:
    await read.simulated.behave("ten_thousand_tools")
    found = await read.again()
    assert found.total <= CAPABILITIES_LIMIT
    state = (await servers.view(read.db, Vault({"test": bytes(32)}, "test"), read.server.id)).state
    assert state.notes


@pytest.mark.parametrize(
    "behaviour",
    ["one_bad_tool", "hidden_name", "nul_name", "surrogate_name", "long_name", "huge_description", "markup_name"],
)
async def test_one_odd_tool_spoils_no_other(read: Read, behaviour: str) -> None:
    await read.simulated.behave(behaviour)
    assert (await read.again()).error is None
    assert set(UNCHANGED) - {"echo"} <= set(await read.names())


@pytest.mark.parametrize(
    "behaviour",
    [
        "closes_at_once@connect",
        "half_answer_then_close@list",
        "invalid_json@list",
        "list_result@list",
        "tools_no_list",
        "http_401@connect",
        "http_503@list",
        "redirect_to_private@connect",
    ],
)
async def test_a_server_that_breaks_after_its_approval_changes_nothing(read: Read, behaviour: str) -> None:
    await read.again()
    before = await read.names()
    await read.simulated.behave(behaviour)
    async with Connections(Commands((), ())) as fresh:
        found = await refresh(read.db, fresh, read.server, "schedule", pause_s=0.05)
    assert found.error
    assert await read.names() == before


async def test_a_name_of_another_servers_tool_is_another_tool(read: Read, vault: Vault) -> None:
    await read.again()
    other = read.server.model_copy(update={"id": f"{read.server.id}b"})
    async with read.db.transaction() as tx:
        await servers.create(tx, vault, other)
    await read.simulated.behave("shadows_another")
    await refresh(read.db, read.connections, other, "hand")
    rows = await capabilities.usable(read.db, "anybody", [read.server.id, other.id])
    mine = [row for row in rows if row.capability.name == "echo" and row.server == read.server.id]
    assert len(mine) == 1
    assert {row.server for row in rows} == {read.server.id, other.id}
