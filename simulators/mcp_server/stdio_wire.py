"""Answers over stdio: a line is a message."""

import asyncio
import os
from dataclasses import dataclass, field

from simulators.mcp_server.turn import Turn, encode
from simulators.model_provider.json_value import JsonObject

CRASHED = 70
"""The exit code of a crash that is played."""


@dataclass(slots=True)
class StdioWire:
    """The way back to the client, shared by all messages."""

    writer: asyncio.StreamWriter
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def notify(self, message: JsonObject) -> None:
        """Send a message."""
        await self.body(encode(message))

    async def finish(self, message: JsonObject) -> None:
        """Send the answer."""
        await self.body(encode(message))

    async def body(self, body: bytes) -> None:
        """Send a line."""
        await self.raw(body.replace(b"\n", b" ") + b"\n")

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def hang(self) -> None:
        """Send nothing until the client closes our stdin."""
        await self.ended.wait()

    def reset(self) -> None:
        """End the process, at once and with nothing flushed."""
        os._exit(CRASHED)


def over_stdio(turn: Turn) -> StdioWire:
    """Return the turn's wire, which must be of stdio."""
    if not isinstance(turn.wire, StdioWire):
        raise TypeError("this behaviour needs stdio")
    return turn.wire
