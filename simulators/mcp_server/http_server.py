"""The server over streamable HTTP, and many of them in one process.

`/mcp` is the server of the command line. `/as/<behaviour>/<any name>/mcp` is a server of its own with that behaviour,
made when it is first asked for; `/as/honest/<any name>/mcp` is one without. `+legacy`, `+modern` and `+sessions` after
the behaviour set what a script sets. Each server has its `/__sim/` beside its `/mcp`.
"""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from simulators.mcp_server.control import control
from simulators.mcp_server.dispatch import take
from simulators.mcp_server.http_request import HEAD_LIMIT, BadRequest, HttpRequest, read_request
from simulators.mcp_server.http_wire import EVENTS, HttpWire
from simulators.mcp_server.labels import with_label
from simulators.mcp_server.protocol import failure, is_modern
from simulators.mcp_server.script import Script
from simulators.mcp_server.subscriptions import serve_stream, serve_subscription
from simulators.mcp_server.turn import Turn, encode
from simulators.mcp_server.world import World
from simulators.model_provider.json_value import JsonObject, as_object

_SERVER = re.compile(r"/as/([^/]+)/[^/]+")
_PARSE_ERROR = -32700
_GONE = (ConnectionError, asyncio.IncompleteReadError, BadRequest, ValueError)


@dataclass(slots=True)
class McpHttpServer:
    """All servers of one process. `address`: where they are, once they are."""

    script: Script = field(default_factory=Script)
    log_path: Path | None = None
    address: str = ""
    _worlds: dict[str, World] = field(default_factory=dict[str, World])
    _connections: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])

    @asynccontextmanager
    async def serving(self, port: int = 0, host: str = "127.0.0.1") -> AsyncGenerator[str]:
        """Take connections until the block is left; yields the address."""
        server = await asyncio.start_server(self._connected, host, port, limit=HEAD_LIMIT)
        self.address = f"http://{host}:{server.sockets[0].getsockname()[1]}"
        try:
            yield self.address
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    def world(self, prefix: str = "") -> World | None:
        """Return the server below a path's prefix, made if it is new; None if there can be none."""
        if prefix not in self._worlds:
            made = self._make(prefix)
            if made is None:
                return None
            self._worlds[prefix] = made
        return self._worlds[prefix]

    def _make(self, prefix: str) -> World | None:
        if prefix == "":
            return World(self.script, self.address, self.log_path)
        found = _SERVER.fullmatch(prefix)
        if found is None:
            return None
        try:
            script = with_label(self.script, found[1])
        except ValueError:
            return None
        return World(script, self.address + prefix, self.log_path)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            with suppress(*_GONE, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader)) is not None:
            wire = HttpWire(request, reader, writer, closing=request.headers.get("connection") == "close")
            await self._route(request, wire)
            if wire.closing:
                return

    async def _route(self, request: HttpRequest, wire: HttpWire) -> None:
        prefix, slash, last = request.path.rpartition("/")
        simulated, _, _ = prefix.partition("/__sim")
        world = self.world(simulated)
        if world is None:
            await wire.respond(404)
        elif prefix.endswith("/__sim"):
            await control(world, last, wire)
        elif slash + last == "/mcp":
            await Endpoint(world).take(request, wire)
        else:
            world.note_fetch(request.method, request.path)
            await wire.respond(200, b"{}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The one address of a streamable HTTP server."""

    world: World

    async def take(self, request: HttpRequest, wire: HttpWire) -> None:
        """Answer a POST, GET or DELETE."""
        if not self._lets_in(request):
            await wire.respond(401, headers={"www-authenticate": "Bearer"})
        elif request.method == "GET":
            await self._stream(wire)
        elif request.method == "DELETE":
            await wire.respond(200)
        else:
            await self._message(request, wire)

    async def _message(self, request: HttpRequest, wire: HttpWire) -> None:
        try:
            message = as_object(json.loads(request.body))
        except ValueError:
            message = None
        self.world.note_call(message, request.headers)
        if message is None:
            await wire.respond(400, encode(failure({}, _PARSE_ERROR, "Parse error")))
        elif "method" not in message or "id" not in message:
            await wire.respond(202)
        elif not self._knows_session(message, request):
            await wire.respond(404)
        else:
            await self._request(message, wire)

    async def _request(self, message: JsonObject, wire: HttpWire) -> None:
        turn = Turn(self.world, message, wire)
        if turn.method == "subscriptions/listen" and is_modern(message):
            await serve_subscription(turn)
            return
        if turn.method == "initialize" and self.world.script.sessions:
            session = secrets.token_hex(16)
            self.world.sessions.add(session)
            wire.headers["mcp-session-id"] = session
        await take(turn)

    async def _stream(self, wire: HttpWire) -> None:
        if self.world.resumed is not None and "last-event-id" in wire.request.headers:
            self.world.note_fetch(wire.request.method, wire.request.path)
            await self.world.resumed(wire)
            return
        if not self.world.script.sessions:
            await wire.respond(405)
            return
        wire.closing = True
        await wire.open_chunks(EVENTS)
        await serve_stream(self.world, wire)

    def _lets_in(self, request: HttpRequest) -> bool:
        wanted = self.world.script.bearer
        return wanted is None or request.headers.get("authorization") == f"Bearer {wanted}"

    def _knows_session(self, message: JsonObject, request: HttpRequest) -> bool:
        if not self.world.script.sessions or is_modern(message) or message.get("method") == "initialize":
            return True
        return request.headers.get("mcp-session-id") in self.world.sessions
