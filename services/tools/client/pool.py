"""The open connections of a process: one for each server, revision and, where they sign in themselves, owner."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from domain.errors import ToolUnavailable
from domain.tool_server import AuthorizationCode, Http, ToolServer
from services.tools.client.connection import Connection


@dataclass(frozen=True)
class Bounds:
    """How many connections, and for how long. Times in seconds.

    Attributes:
        connections: Open ones in this process; the one that was idle longest makes room.
        idle_s: After so long without use a connection is closed.
        first_pause_s: Back-off after a connection could not be opened; it doubles each time.
        last_pause_s: Where the doubling ends.
        mode: `legacy` keeps to the protocol before 2026-07-28.
    """

    connections: int = 200
    idle_s: float = 300.0
    first_pause_s: float = 0.5
    last_pause_s: float = 30.0
    mode: Literal["auto", "legacy"] = "auto"


class Key(NamedTuple):
    """What tells connections apart."""

    server_id: str
    revision: int
    owner: str | None


class _Pause(NamedTuple):
    """How often in a row opening has failed, why, and until when it is not tried again."""

    failures: int
    text: str
    until: float


def key_of(server: ToolServer, owner: str) -> Key:
    """Return the key of the connection that an owner uses."""
    reach = server.reach
    own = isinstance(reach, Http) and isinstance(reach.auth, AuthorizationCode) and not reach.auth.shared
    return Key(server.id, server.revision, owner if own else None)


class Pool:
    """Opens connections and closes them."""

    def __init__(self, make: Callable[[ToolServer, str], Connection], bounds: Bounds) -> None:
        self._make = make
        self._bounds = bounds
        self._connections: dict[Key, Connection] = {}
        self._leaving: set[Connection] = set()
        self._pauses: dict[Key, _Pause] = {}

    async def get(self, server: ToolServer, owner: str, deadline: float) -> Connection:
        """Return an open connection.

        Raises:
            ToolError: It cannot be opened, or not in time, or not yet again.
        """
        key = key_of(server, owner)
        connection = self._connections.get(key)
        if connection is None or not connection.usable:
            connection = self._new(key, server, owner)
        await connection.opened(deadline)
        self._pauses.pop(key, None)
        return connection

    def connected(self) -> set[str]:
        """Return the ids of the servers that have an open connection."""
        return {key.server_id for key, connection in self._connections.items() if connection.open}

    def close_idle(self) -> None:
        """Close connections that nobody has used for long."""
        before = asyncio.get_running_loop().time() - self._bounds.idle_s
        for key, connection in list(self._connections.items()):
            if connection.idle and connection.idle_since <= before:
                self._retire(key)

    async def close(self) -> None:
        """Close all."""
        for key in list(self._connections):
            self._retire(key)
        await asyncio.gather(*(connection.close() for connection in self._leaving))

    def _new(self, key: Key, server: ToolServer, owner: str) -> Connection:
        self._check_pause(key)
        for other in list(self._connections):
            if other.server_id == key.server_id and other.revision < key.revision:
                self._retire(other)
        if key in self._connections:
            self._retire(key)
        self._make_room()
        connection = self._connections[key] = self._make(server, owner)
        connection.life.add_done_callback(lambda _: self._ended(key, connection))
        return connection

    def _check_pause(self, key: Key) -> None:
        pause = self._pauses.get(key)
        left = pause.until - asyncio.get_running_loop().time() if pause else 0
        if pause and left > 0:
            raise ToolUnavailable(f"{pause.text}; it is tried again in {left:.1f} s", retry_after_s=left)

    def _make_room(self) -> None:
        if len(self._connections) < self._bounds.connections:
            return
        idle = [(one.idle_since, key) for key, one in self._connections.items() if one.idle]
        if not idle:
            raise ToolUnavailable("too many tool servers are in use", retry_after_s=1.0)
        self._retire(min(idle)[1])

    def _retire(self, key: Key) -> None:
        connection = self._connections.pop(key)
        connection.retire()
        if not connection.life.done():
            self._leaving.add(connection)

    def _ended(self, key: Key, connection: Connection) -> None:
        self._leaving.discard(connection)
        if self._connections.get(key) is connection:
            del self._connections[key]
        failure = connection.failure
        if not connection.greeted and failure is not None and issubclass(failure.kind, ToolUnavailable):
            self._pause(key, failure.text, failure.retry_after_s)

    def _pause(self, key: Key, text: str, told_s: float | None) -> None:
        """Note a failure to open; what the server says of when to come back counts."""
        failures = self._pauses[key].failures + 1 if key in self._pauses else 1
        pause = min(self._bounds.first_pause_s * 2 ** min(failures - 1, 16), self._bounds.last_pause_s)
        until = asyncio.get_running_loop().time() + max(pause, min(told_s or 0, self._bounds.last_pause_s))
        self._pauses.pop(key, None)
        self._pauses[key] = _Pause(failures, text, until)
        while len(self._pauses) > self._bounds.connections:
            del self._pauses[next(iter(self._pauses))]
