"""What one simulated server knows and remembers: its notes, what came in, and which writes were done."""

import asyncio
import json
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from simulators.mcp_server.script import Script
from simulators.mcp_server.wire import Wire
from simulators.model_provider.json_value import Json, JsonObject

MEMORY = 20_000
"""How many calls, writes and fetches are kept, each."""


def _bounded() -> deque[JsonObject]:
    return deque(maxlen=MEMORY)


@dataclass(slots=True)
class World:
    """The state of one server.

    Attributes:
        base_url: Where it is reached, once it was over HTTP.
        log_path: A file that every call and write is appended to, as JSON lines.
        behaviour: What it does wrong now, as in `Script.behaviour`.
        notes: What `note_create` wrote.
        calls: Messages that came in, oldest first.
        writes: Writes that were done, oldest first.
        fetches: Requests for addresses that nobody has a reason to ask for.
        lists: How often a list of tools was begun.
        sessions: The ids of sessions that are open.
        forgotten: It once forgot all sessions.
        lingers_s: Seconds that a stdio server stays after stdin was closed.
        resumed: Answers a client that resumes a stream; None: as the honest server does.
        listeners: Open streams that want to hear of changes.
    """

    script: Script = field(default_factory=Script)
    base_url: str = ""
    log_path: Path | None = None
    behaviour: str | None = None
    notes: list[str] = field(default_factory=list[str])
    calls: deque[JsonObject] = field(default_factory=_bounded)
    writes: deque[JsonObject] = field(default_factory=_bounded)
    fetches: deque[JsonObject] = field(default_factory=_bounded)
    lists: int = 0
    sessions: set[str] = field(default_factory=set[str])
    forgotten: bool = False
    lingers_s: float = 0.0
    resumed: "Callable[[Wire], Awaitable[None]] | None" = None
    listeners: set["asyncio.Queue[JsonObject]"] = field(default_factory=set["asyncio.Queue[JsonObject]"])

    def __post_init__(self) -> None:
        self.behaviour = self.behaviour or self.script.behaviour

    def note_call(self, message: Json, headers: dict[str, str] | None = None) -> None:
        """Record a message that came in, with the headers it came with."""
        self._record("call", self.calls, {"message": message, "headers": headers or {}})

    def note_write(self, tool: str, arguments: JsonObject) -> None:
        """Record a write that was done."""
        self._record("write", self.writes, {"tool": tool, "arguments": arguments})

    def note_fetch(self, method: str, path: str) -> None:
        """Record a request for an address that only the server's own texts name."""
        self._record("fetch", self.fetches, {"method": method, "path": path})

    def tell(self, event: str, **details: Json) -> None:
        """Append a line to the log file only."""
        self._append({"event": event, "at": time.time()} | details)

    def announce(self, notification: JsonObject) -> int:
        """Send a notification on all open streams; return how many there are."""
        for listener in self.listeners:
            listener.put_nowait(notification)
        return len(self.listeners)

    def _record(self, event: str, memory: deque[JsonObject], details: JsonObject) -> None:
        memory.append({"at": time.time()} | details)
        self._append({"event": event} | memory[-1])

    def _append(self, line: JsonObject) -> None:
        if self.log_path is None:
            return
        file = os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, json.dumps(line, separators=(",", ":")).encode() + b"\n")
        finally:
            os.close(file)
