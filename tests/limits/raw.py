"""HTTP by hand, for what no well-behaved client sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.keys import bearer


class Raw:
    """A connection to an API."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, text: str | bytes) -> None:
        """Send bytes; a server that has closed takes none."""
        self._writer.write(text.encode() if isinstance(text, str) else text)
        try:
            await self._writer.drain()
        except ConnectionError:
            return

    async def all_that_comes(self, within_s: float = 5.0) -> bytes:
        """Return what the server says until it closes."""
        async with asyncio.timeout(within_s):
            try:
                return await self._reader.read(-1)
            except ConnectionError:
                return b""

    async def exactly(self, size: int, within_s: float = 5.0) -> bytes:
        """Return so many bytes."""
        async with asyncio.timeout(within_s):
            return await self._reader.readexactly(size)

    async def head(self, within_s: float = 5.0) -> bytes:
        """Return an answer's status line and headers."""
        async with asyncio.timeout(within_s):
            return await self._reader.readuntil(b"\r\n\r\n")


@asynccontextmanager
async def raw(api: httpx.AsyncClient) -> AsyncIterator[Raw]:
    """Connect to where a client's API is."""
    reader, writer = await asyncio.open_connection(api.base_url.host, api.base_url.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


def request(line: str, *headers: str) -> str:
    """Return the head of a request of the tests' admin."""
    told = ["Host: localhost", *(f"{name}: {value}" for name, value in bearer().items()), *headers]
    return "\r\n".join([f"{line} HTTP/1.1", *told, "", ""])
