"""A server that sends whatever bytes a test wants, when it wants: what no well-behaved library would send."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}

Play = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Sends one answer. The connection is closed after it."""


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class RawServer:
    """What a test knows of its server. `left`: the client closed a connection before the answer's end."""

    url: str
    asked: list[Asked] = field(default_factory=list[Asked])
    left: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def lasting_server(answer: bytes) -> AsyncIterator[tuple[str, list[int]]]:
    """Serve one answer again and again on connections that stay open; yield the address and the requests of each."""
    served: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = len(served)
        served.append(0)
        try:
            while True:
                await _read(reader)
                served[place] += 1
                writer.write(answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            await _close(writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", served


@asynccontextmanager
async def raw_server(*answers: bytes | Play) -> AsyncIterator[RawServer]:
    """Serve: the first request gets the first answer, and so on; the last is given again and again."""
    server = RawServer("")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server.asked.append(await _read(reader))
        except (OSError, asyncio.IncompleteReadError):
            await _close(writer)
            return
        answer = answers[min(len(server.asked), len(answers)) - 1]
        playing = asyncio.create_task(_play(answer, writer))
        leaving = asyncio.create_task(reader.read())
        try:
            await asyncio.wait((playing, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not playing.done() or playing.exception() is not None:
                server.left.set()
        finally:
            await _end(playing, leaving)
            await _close(writer)

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listening = await asyncio.start_server(begin, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        await asyncio.wait(tasks, timeout=2) if tasks else None
        await _end(*tasks)
        await listening.wait_closed()


def reply(status: int, body: bytes | str | Any = b"", headers: dict[str, str] | None = None) -> bytes:
    """Return a whole answer; a body that is no text is sent as JSON."""
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    data = body.encode() if isinstance(body, str) else body
    told = {"content-length": str(len(data)), "connection": "close", **(JSON if headers is None else headers)}
    return _head(status, told) + data


def stream(body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """Return a streamed answer that ends with its connection."""
    return _head(200, {**SSE, "connection": "close", **(headers or {})}) + body


def chunked(*parts: bytes, trailer: bytes = b"") -> bytes:
    """Return a streamed answer in HTTP's chunks, with a trailer."""
    head = _head(200, {**SSE, "transfer-encoding": "chunked", "connection": "close"})
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailer + b"\r\n"


def dripping(body: bytes, pause_s: float, *, forever: bytes = b"") -> Play:
    """Send an answer byte by byte, then some bytes for ever."""

    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(stream(b""))
        for place in range(len(body)):
            writer.write(body[place : place + 1])
            await writer.drain()
            await asyncio.sleep(pause_s)
        while forever:
            writer.write(forever)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return play


def holding(*parts: bytes) -> Play:
    """Send parts, and then keep the connection open until the client goes away."""

    async def play(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        await asyncio.Event().wait()

    return play


def packed(body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """Return a streamed answer that is gzipped though nobody asked for it."""
    return stream(gzip.compress(body), {"content-encoding": "gzip", **(headers or {})})


def events(*payloads: Any) -> bytes:
    """Return server-sent events; what is no bytes is sent as JSON."""
    texts = (each if isinstance(each, bytes) else json.dumps(each).encode() for each in payloads)
    return b"".join(b"data: " + text + b"\n\n" for text in texts)


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = (f"{name}: {value}\r\n" for name, value in headers.items())
    return (f"HTTP/1.1 {status} X\r\n" + "".join(lines) + "\r\n").encode()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    return Asked(head[0], headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _play(answer: bytes | Play, writer: asyncio.StreamWriter) -> None:
    if isinstance(answer, bytes):
        writer.write(answer)
        await writer.drain()
    else:
        await answer(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close a connection when all is sent, or when nobody takes it."""
    writer.close()
    try:
        async with asyncio.timeout(1):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        return
    finally:
        writer.transport.abort()


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
