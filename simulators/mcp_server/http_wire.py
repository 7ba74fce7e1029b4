"""Answers over HTTP, down to the single byte, so that each of them can be wrong."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from simulators.mcp_server.http_request import HttpRequest
from simulators.mcp_server.turn import Turn, encode
from simulators.model_provider.json_value import JsonObject

JSON = "application/json"
EVENTS = "text/event-stream"


@dataclass(slots=True)
class HttpWire:
    """The way back for one request.

    Attributes:
        headers: Sent with the answer, beside those that HTTP needs.
        closing: The connection ends with this answer.
    """

    request: HttpRequest
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    headers: dict[str, str] = field(default_factory=dict[str, str])
    closing: bool = False
    _streaming: bool = False

    async def notify(self, message: JsonObject) -> None:
        """Send a message ahead of the answer, which makes the answer a stream of events."""
        await self.event(encode(message))

    async def finish(self, message: JsonObject) -> None:
        """Send the answer, as JSON or as the last event of the stream."""
        if self._streaming:
            await self.event(encode(message))
            await self.end_chunks()
        else:
            await self.body(encode(message))

    async def body(self, body: bytes) -> None:
        """Send a whole JSON answer."""
        await self.respond(200, body)

    async def respond(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer. Its length and type are told unless `headers` tell them."""
        told = {"content-type": JSON, "content-length": str(len(body))} | self.headers | dict(headers or {})
        await self.raw(head(status, told) + body)

    async def event(self, data: bytes, prefix: bytes = b"event: message\n") -> None:
        """Send one event, opening the stream if it is the first."""
        await self.open_chunks(EVENTS)
        await self.chunk(prefix + b"data: " + data + b"\n\n")

    async def open_chunks(self, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        """Begin an answer whose length is not told; nothing happens when it has begun."""
        if self._streaming:
            return
        self._streaming = True
        told = {"content-type": content_type, "transfer-encoding": "chunked"} | self.headers | dict(headers or {})
        await self.raw(head(200, told))

    async def chunk(self, data: bytes) -> None:
        """Send a piece of such an answer."""
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def end_chunks(self) -> None:
        """End such an answer."""
        await self.raw(b"0\r\n\r\n")

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def close(self) -> None:
        """Close the connection in good order, whatever is missing."""
        self.closing = True
        self.writer.close()
        await self.writer.wait_closed()

    async def hang(self) -> None:
        """Send nothing until the client goes away."""
        self.closing = True
        while await self.reader.read(65_536):
            pass

    def reset(self) -> None:
        """Drop the connection with a TCP reset."""
        self.closing = True
        raw_socket = self.writer.get_extra_info("socket")
        raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def over_http(turn: Turn) -> HttpWire:
    """Return the turn's wire, which must be of HTTP."""
    if not isinstance(turn.wire, HttpWire):
        raise TypeError("this behaviour needs HTTP")
    return turn.wire


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return a status line and headers."""
    lines = [f"HTTP/1.1 {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
