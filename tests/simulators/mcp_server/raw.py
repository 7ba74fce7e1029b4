"""A client that takes what comes: one request over a socket, and all that is seen of its answer."""

import asyncio
import gzip
import json
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from simulators.model_provider.json_value import Json, JsonObject

Kind = Literal["connect", "list", "call"]
End = Literal["closed", "reset", "open"]

ENOUGH = 24 * 1024 * 1024
REQUESTS: dict[str, JsonObject] = {
    "connect": {"method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {}}},
    "list": {"method": "tools/list", "params": {}},
    "call": {"method": "tools/call", "params": {"name": "echo", "arguments": {"text": "hello"}}},
}


def request(kind: str, number: int = 7) -> JsonObject:
    return {"jsonrpc": "2.0", "id": number} | REQUESTS[kind]


def write_note(number: int = 7) -> JsonObject:
    params = {"name": "note_create", "arguments": {"text": "n"}, "_meta": {"progressToken": 3}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen until the server closed, or had been silent for a while, or had sent enough."""

    data: bytes
    end: End

    @property
    def status(self) -> int:
        return int(self.data.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    @property
    def body(self) -> bytes:
        rest = self.data.partition(b"\r\n\r\n")[2]
        return _joined(rest) if self.headers.get("transfer-encoding") == "chunked" else rest

    @property
    def unpacked(self) -> bytes:
        return gzip.decompress(self.body)

    @property
    def messages(self) -> list[Json]:
        """The messages, be they one JSON text or events."""
        if self.headers.get("content-type") != "text/event-stream":
            return [json.loads(self.body)]
        lines = self.body.split(b"\n")
        return [json.loads(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data: {")]

    @property
    def answer(self) -> JsonObject:
        """The last message."""
        last: JsonObject = self.messages[-1]
        return last

    @property
    def result(self) -> JsonObject:
        """The result of the last message."""
        found: JsonObject = self.answer["result"]
        return found

    def tool(self, name: str) -> JsonObject:
        """The last tool with a name that is listed."""
        found: JsonObject = [listed for listed in self.result["tools"] if listed["name"] == name][-1]
        return found


async def ask(url: str, message: JsonObject, *, patience_s: float = 5.0, enough: int = ENOUGH) -> Seen:
    """POST a message to an address, once; `patience_s` is how long silence may last."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    body = json.dumps(message).encode()
    head = f"POST {parts.path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    try:
        return await _read(reader, patience_s, enough)
    finally:
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader, patience_s: float, enough: int) -> Seen:
    data = bytearray()
    end: End = "open"
    try:
        async with asyncio.timeout(20):
            while len(data) < enough:
                piece = await asyncio.wait_for(reader.read(1 << 20), patience_s)
                data += piece
                if not piece:
                    return Seen(bytes(data), "closed")
    except TimeoutError:
        pass
    except ConnectionError:
        end = "reset"
    return Seen(bytes(data), end)


def _joined(rest: bytes) -> bytes:
    body = bytearray()
    while rest:
        size, found, rest = rest.partition(b"\r\n")
        if not found or not size:
            break
        length = int(size, 16)
        body += rest[:length]
        rest = rest[length + 2 :]
    return bytes(body)
