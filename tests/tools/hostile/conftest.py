import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from domain.tool_server import Http, ToolServer
from services.tools.client.commands import Commands
from services.tools.client.connections import Connections
from tests.house.source import ROOT
from tests.tools.hostile.arena import CONNECT_S, PATIENCE_S, Arena

CLOSED_WITHIN_S = 15.0
_PROGRAM = """#!{python}
import sys
sys.path.insert(0, {root!r})
from simulators.mcp_server.__main__ import main
sys.exit(main())
"""
_names = count(1)


@asynccontextmanager
async def _simulator() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.mcp_server", "--port", "0", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip().removesuffix("/mcp")
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture(scope="package", autouse=True)
def heap_of_others() -> Iterator[None]:
    """Keep the collector from what other tests have left in this process: a second while a stall is watched."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest_asyncio.fixture(scope="session")
async def hostile_address() -> AsyncIterator[str]:
    """A process of hostile servers."""
    async with _simulator() as address:
        yield address


@pytest_asyncio.fixture(scope="session")
async def honest_server() -> AsyncIterator[ToolServer]:
    """An honest server in a process of its own."""
    async with _simulator() as address:
        yield ToolServer(id="honest", reach=Http(url=f"{address}/mcp", allow_private=True))


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """An allow-list with the simulator's command on it."""
    folder = tmp_path_factory.mktemp("commands")
    program = folder / "hostile-mcp"
    program.write_text(_PROGRAM.format(python=sys.executable, root=str(ROOT)))
    program.chmod(0o755)
    unlisted = folder / "unlisted-mcp"
    unlisted.write_text(f"#!/bin/sh\ntouch {folder}/ran\n")
    unlisted.chmod(0o755)
    return Commands({"hostile-mcp"}, [folder])


@pytest_asyncio.fixture
async def arena(
    hostile_address: str, honest_server: ToolServer, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Arena]:
    """New connections, and a hostile server that remembers nothing; all must close in time."""
    monkeypatch.setattr("services.tools.client.connections.LISTING_S", PATIENCE_S + CONNECT_S)
    connections = Connections(commands)
    await connections.__aenter__()
    yield Arena(connections, hostile_address, honest_server, f"t{next(_names)}")
    async with asyncio.timeout(CLOSED_WITHIN_S):
        await connections.__aexit__(None, None, None)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where a hostile process notes what it did."""
    return tmp_path / "log.jsonl"
