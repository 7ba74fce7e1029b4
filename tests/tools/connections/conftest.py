import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio

from domain.tool_server import ToolServer
from services.tools.client.commands import Commands
from services.tools.client.connections import Connections
from services.tools.client.pool import Bounds
from tests.tools.connections.serving import http_server, plain, stdio_server

Mode = Literal["auto", "legacy"]


@pytest.fixture(scope="session")
def commands() -> Commands:
    """An allow-list with Python on it."""
    return Commands({"python"}, [Path(sys.executable).parent, Path("/usr/bin"), Path("/bin")])


@pytest_asyncio.fixture
async def connections(commands: Commands) -> AsyncIterator[Connections]:
    """Connections of this test alone, in the newest protocol that a server knows."""
    async with Connections(commands, bounds=Bounds(first_pause_s=0.05)) as connections:
        yield connections


@pytest_asyncio.fixture(scope="session", params=["auto", "legacy"])
async def either(commands: Commands, request: pytest.FixtureRequest) -> AsyncIterator[Connections]:
    """Connections that tests share, in the new protocol and in the older one."""
    mode: Mode = request.param
    async with Connections(commands, bounds=Bounds(first_pause_s=0.05, mode=mode)) as connections:
        yield connections


@pytest_asyncio.fixture(scope="session")
async def plain_url() -> AsyncIterator[str]:
    """The address of the plain server."""
    async with plain() as url:
        yield url


@pytest.fixture(scope="session", params=["http", "stdio"])
def server(plain_url: str, request: pytest.FixtureRequest) -> ToolServer:
    """The plain server over HTTP, and as a child process."""
    return http_server(plain_url) if request.param == "http" else stdio_server("plain.py")
