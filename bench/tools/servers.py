"""The tool server under the calls: the honest simulated one, as a process over HTTP and as a child over stdio."""

import sys
from pathlib import Path
from typing import Final

from bench.ground import Ground
from domain.tool_server import Http, Limits, ServerOptions, Stdio, ToolServer
from runtime.local import ProcessSpec, programs
from runtime.local.ports import free_port
from runtime.settings import PROJECT_ROOT
from services.storage.database import Database
from services.tools.registry import servers
from services.tools.registry.refresh import refresh
from services.tools.toolbox import Toolbox

AT_ONCE: Final = 50
COMMAND: Final = Path(sys.executable).name
FOLDER: Final = Path(sys.executable).parent
_PROGRAM: Final = (
    f"import sys; sys.path.insert(0, {str(PROJECT_ROOT)!r}); "
    "from simulators.mcp_server.__main__ import main; sys.exit(main(['--stdio']))"
)
ARGUMENTS: Final = ("-c", _PROGRAM)
"""The child finds our modules by itself: tool servers get no PYTHONPATH from us."""

_OPTIONS: Final = ServerOptions(trusted=True, limits=Limits(max_concurrency=AT_ONCE, calls_per_minute=1_000_000))
"""The defaults, 16 at once and 600 a minute, would be what is measured."""


class UnreadableError(RuntimeError):
    """The tool server's lists cannot be read."""


async def start(ground: Ground) -> str:
    """Start the server and return the address of one honest server in it."""
    port = free_port()
    argv = (sys.executable, "-m", "simulators.mcp_server", "--port", str(port))
    address = f"http://127.0.0.1:{port}"
    await ground.supervisor.start(
        ProcessSpec(
            name="tool-server", argv=argv, cwd=PROJECT_ROOT, ready=lambda: programs.answers(f"{address}/healthz")
        )
    )
    return f"{address}/as/honest/bench/mcp"


def over_http(url: str) -> ToolServer:
    """The server over streamable HTTP."""
    return ToolServer(id="bench-http", reach=Http(url=url, allow_private=True), options=_OPTIONS)


def over_stdio() -> ToolServer:
    """The server as a child process."""
    return ToolServer(id="bench-stdio", reach=Stdio(command=COMMAND, args=ARGUMENTS), options=_OPTIONS)


async def register(db: Database, tools: Toolbox, server: ToolServer) -> ToolServer:
    """Make a server known to the product, read what it offers, and return it as the product loads it.

    Raises:
        UnreadableError: It cannot be read.
    """
    async with db.transaction() as tx:
        await servers.create(tx, tools.vault, server)
    stored = await servers.load(db, tools.vault, server.id)
    found = await refresh(db, tools.connections, stored, "hand")
    if found.error is not None:
        raise UnreadableError(f"{server.id}: {found.error}")
    return stored
