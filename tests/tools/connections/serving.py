"""Real MCP servers for tests: in this process over HTTP, and as child processes."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import uvicorn

from domain.tool_server import Http, Limits, ServerOptions, Stdio, ToolServer
from domain.tools import Action, ActionType
from services.tools.client.answers import Answer
from services.tools.client.connections import Connections
from tests.tools.connections.servers.plain import Log, make

SERVERS = Path(__file__).parent / "servers"
OWNER = "ada"
PATIENCE_S = 10.0
_numbers = count(1)


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI app and yield its origin."""
    config = uvicorn.Config(app, port=0, log_level="critical", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())  # pyright: ignore[reportPrivateUsage] - `serve` takes the signals
    try:
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def plain(log: Log | None = None, **options: Any) -> AsyncIterator[str]:
    """Serve the plain server and yield its address."""
    async with serving(make(log or Log()).streamable_http_app(**options)) as origin:
        yield f"{origin}/mcp"


@asynccontextmanager
async def plain_process(
    port: int = 0, *, log: Path | None = None
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run the plain server over HTTP as a process, and yield it with its address."""
    arguments = [str(SERVERS / "plain.py"), "--http", str(port), *(("--log", str(log)) if log else ())]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        address = f"http://127.0.0.1:{(await process.stdout.readline()).decode().strip()}/mcp"
        yield process, address
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def http_server(url: str, *, limits: Limits | None = None, **fields: Any) -> ToolServer:
    """Return the configuration of a server on this machine."""
    reach = Http(url=url, allow_private=True, **fields)
    return ToolServer(id=f"web-{next(_numbers)}", reach=reach, options=ServerOptions(limits=limits or Limits()))


def stdio_server(
    script: str, *args: str, env: dict[str, str] | None = None, limits: Limits | None = None
) -> ToolServer:
    """Return the configuration of one of the scripts in `servers`."""
    reach = Stdio(command="python", args=(str(SERVERS / script), *args), env=env or {})
    return ToolServer(id=f"child-{next(_numbers)}", reach=reach, options=ServerOptions(limits=limits or Limits()))


async def call(
    connections: Connections, server: ToolServer, name: str, arguments: dict[str, Any] | None = None, **options: Any
) -> Answer:
    """Call a tool, or what `type` says."""
    action = Action(server=server.id, type=options.pop("type", ActionType.TOOL), name=name)
    options.setdefault("timeout_s", PATIENCE_S)
    return await connections.call(server, options.pop("owner", OWNER), action, arguments or {}, **options)


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


def lines(path: Path) -> Sequence[str]:
    """Return the lines of a log that may not be there yet."""
    return path.read_text().splitlines() if path.exists() else ()
