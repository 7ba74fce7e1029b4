import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import pytest
import pytest_asyncio

from domain.tool_server import ToolServer
from domain.tools import Action, ActionType
from services.tools.client.changes import News
from services.tools.client.commands import Commands
from services.tools.client.connections import Connections
from services.tools.client.pool import Bounds
from tests.tools.connections.serving import (
    OWNER,
    PATIENCE_S,
    call,
    http_server,
    plain,
    plain_process,
    stdio_server,
    until,
)

Mode = Literal["auto", "legacy"]


class Heard:
    """Connections, and the ids of the servers that said that they have changed."""

    def __init__(self, connections: Connections, ids: list[str]) -> None:
        self.connections = connections
        self.ids = ids

    async def grow(self, server: ToolServer) -> None:
        """Change the server until it is heard: events are listened for in the background, and not replayed."""
        async with asyncio.timeout(PATIENCE_S):
            while server.id not in self.ids:
                await call(self.connections, server, "grow")
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture(params=["auto", "legacy"])
async def heard(commands: Commands, request: pytest.FixtureRequest) -> AsyncIterator[Heard]:
    """Connections that note what changes."""
    ids: list[str] = []
    mode: Mode = request.param
    async with Connections(commands, on_changed=ids.append, bounds=Bounds(mode=mode)) as connections:
        yield Heard(connections, ids)


async def test_a_change_over_http_is_told_and_the_list_read_anew(heard: Heard) -> None:
    async with plain() as url:
        server = http_server(url)
        action = Action(server=server.id, type=ActionType.TOOL, name="new")
        assert await heard.connections.contract(server, OWNER, action, 3600) is None
        await heard.grow(server)
        assert await heard.connections.contract(server, OWNER, action, 3600) is not None


async def test_a_change_over_stdio_is_told(heard: Heard) -> None:
    server = stdio_server("plain.py")
    await heard.connections.listing(server, OWNER)
    await heard.grow(server)
    assert server.id in heard.ids


async def test_a_flood_of_changes_is_told_twice_a_second() -> None:
    told: list[str] = []
    news = News(told.append)
    for _ in range(1000):
        news.add("a")
    news.add("b")
    assert told == ["a", "b"]
    await until(lambda: told == ["a", "b", "a"])
    await until(lambda: not news._told)  # pyright: ignore[reportPrivateUsage] - nothing is left to tell
    news.add("a")
    news.add("a")
    news.close()
    assert told == ["a", "b", "a", "a"]


async def test_after_a_gap_in_the_events_the_lists_count_as_changed(commands: Commands) -> None:
    ids: list[str] = []
    async with Connections(commands, on_changed=ids.append) as connections, plain_process() as (process, url):
        server = http_server(url)
        await call(connections, server, "add", {"a": 1, "b": 1})
        process.kill()
        await until(lambda: server.id in ids)
