"""A hostile server and an honest one, used over the same connections at the same time."""

import asyncio
import gc
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from domain.errors import ToolError
from domain.tool_server import Http, Limits, ServerOptions, Stdio, ToolServer
from domain.tools import Action, ActionType
from services.tools.client.answers import Answer, Progress
from services.tools.client.connections import Connections
from services.tools.client.listing import Listing
from simulators.model_provider.json_value import JsonObject, as_object

PATIENCE_S = 0.6
"""How long a hostile server is given for an answer, where nothing else is said."""
CONNECT_S = 1.0
"""How long it is given for its greeting."""
SLACK_S = 6.0
"""How much longer than that anything may take: processes are ended, sessions closed."""
STALL_S = 2.0
"""How long the event loop, and so every other call, may be held up."""
GROWTH_MB = 150
TEXT = "hello"
BESIDE_S = 8.0

_MEGABYTE = 1024 * 1024
_UNFIT = re.compile(r"[^a-z0-9_-]")


@dataclass(slots=True)
class Watch:
    """What was seen beside an attempt: calls to the honest server, and the memory of this process."""

    calls: int = 0
    failures: list[str] = field(default_factory=list[str])
    slowest_s: float = 0.0
    growth_mb: float = 0.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of using a hostile server."""

    got: Answer | Listing | ToolError

    @property
    def error(self) -> ToolError:
        """The error that it must have been."""
        assert isinstance(self.got, ToolError), self.got
        return self.got

    @property
    def answer(self) -> Answer:
        """The answer that it must have been."""
        assert isinstance(self.got, Answer), repr(self.got)
        return self.got

    @property
    def listing(self) -> Listing:
        """The list that it must have been."""
        assert isinstance(self.got, Listing), repr(self.got)
        return self.got


@dataclass(frozen=True, slots=True)
class Arena:
    """Where attempts are made.

    Attributes:
        address: Where a process serves hostile servers by path.
        honest: A server in a process of its own.
        name: Tells this test's servers from those of others.
    """

    connections: Connections
    address: str
    honest: ToolServer
    name: str

    def server(self, label: str) -> ToolServer:
        """Return the hostile server that a label describes."""
        reach = Http(url=f"{self.address}/as/{label}/{self.name}/mcp", allow_private=True)
        return ToolServer(id=_UNFIT.sub("-", label)[:40], reach=reach, options=OPTIONS)

    async def call(
        self,
        server: ToolServer,
        tool: str = "echo",
        *,
        patience_s: float = PATIENCE_S,
        output_schema: JsonObject | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Attempt:
        """Call a tool with `TEXT` while an honest server is called as well."""
        action = Action(server=server.id, type=ActionType.TOOL, name=tool)
        calling = self.connections.call(
            server,
            "owner",
            action,
            {"text": TEXT},
            timeout_s=patience_s,
            output_schema=output_schema,
            on_progress=on_progress,
        )
        async with self.beside():
            return await _bounded(calling, patience_s)

    async def listing(self, server: ToolServer) -> Attempt:
        """List what a server offers while an honest server is called as well."""
        async with self.beside():
            return await _bounded(self.connections.listing(server, "owner"), PATIENCE_S)

    async def call_all(self, servers: dict[str, ToolServer], tool: str, patience_s: float) -> dict[str, Attempt]:
        """Call a tool of each of some servers, all at the same time, while an honest server is called as well."""

        async def call(server: ToolServer) -> Attempt:
            action = Action(server=server.id, type=ActionType.TOOL, name=tool)
            calling = self.connections.call(server, "owner", action, {"text": TEXT}, timeout_s=patience_s)
            return await _bounded(calling, patience_s)

        async with self.beside():
            got = await asyncio.gather(*(call(server) for server in servers.values()))
        return dict(zip(servers, got, strict=True))

    async def list_all(self, servers: dict[str, ToolServer]) -> dict[str, Attempt]:
        """List what each of some servers offers, all at the same time, while an honest server is called as well."""
        async with self.beside():
            got = await asyncio.gather(
                *(_bounded(self.connections.listing(server, "owner"), PATIENCE_S) for server in servers.values())
            )
        return dict(zip(servers, got, strict=True))

    async def told(self, server: ToolServer, what: str) -> list[JsonObject]:
        """Return the `calls`, `writes` or `fetches` that a server has noted."""
        assert isinstance(server.reach, Http)
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            noted = await http.get(server.reach.url.removesuffix("/mcp") + f"/__sim/{what}")
        found: list[JsonObject] = noted.json()[what]
        return found

    async def times_called(self, server: ToolServer) -> int:
        """Return how often a server's tools were called."""
        messages = [as_object(call["message"]) for call in await self.told(server, "calls")]
        return sum(message is not None and message.get("method") == "tools/call" for message in messages)

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[Watch]:
        """Call the honest server all the while, and watch the memory of this process."""
        watch, process = Watch(), psutil.Process()
        gc.collect()
        before = process.memory_info().rss
        done = asyncio.Event()
        calling = asyncio.create_task(self._call_honest(watch, done))
        memory = asyncio.create_task(asyncio.to_thread(_highest, process, done))
        try:
            yield watch
        finally:
            done.set()
            await calling
            watch.growth_mb = (await memory - before) / _MEGABYTE
        assert watch.failures == []
        assert watch.calls > 0
        assert watch.slowest_s < STALL_S, f"other calls were held up for {watch.slowest_s:.2f} s"
        assert watch.growth_mb < GROWTH_MB, f"memory grew by {watch.growth_mb:.0f} MB"

    async def _call_honest(self, watch: Watch, done: asyncio.Event) -> None:
        action = Action(server=self.honest.id, type=ActionType.TOOL, name="echo")
        while not done.is_set() or watch.calls == 0:
            begun = time.monotonic()
            try:
                await self.connections.call(self.honest, "owner", action, {"text": "x"}, timeout_s=BESIDE_S)
            except ToolError as error:
                watch.failures.append(repr(error))
                return
            watch.calls += 1
            watch.slowest_s = max(watch.slowest_s, time.monotonic() - begun)
            await asyncio.sleep(0.005)


STARTED_S = 5.0
"""How long a process is given to start and greet us."""
OPTIONS = ServerOptions(limits=Limits(connect_timeout_s=CONNECT_S))


def of_process(behaviour: str, log: Path) -> ToolServer:
    """Return a hostile server that is a child process."""
    reach = Stdio(command="hostile-mcp", args=("--stdio", "--behaviour", behaviour, "--log", str(log)))
    return ToolServer(id="hostile", reach=reach, options=ServerOptions(limits=Limits(connect_timeout_s=STARTED_S)))


async def _bounded(use: Awaitable[Answer | Listing], patience_s: float) -> Attempt:
    try:
        async with asyncio.timeout(patience_s + CONNECT_S + SLACK_S):
            return Attempt(await use)
    except ToolError as error:
        return Attempt(error)


def _highest(process: psutil.Process, done: asyncio.Event) -> int:
    highest = 0
    while not done.is_set():
        highest = max(highest, process.memory_info().rss)
        time.sleep(0.005)
    return max(highest, process.memory_info().rss)
