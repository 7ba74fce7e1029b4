"""Reading a provider's answers: as they come, so that no few bytes become many."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.identity.oidc import wire
from services.identity.oidc.errors import Reason, SignInFailed

DOCUMENT = json.dumps({"issuer": "x"}).encode()


@asynccontextmanager
async def _answering(head: str, body: bytes) -> AsyncIterator[str]:
    """Serve one answer to whoever asks; give its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            f"HTTP/1.1 200 OK\r\n{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_a_packed_answer_is_not_unpacked() -> None:
    async with _answering("", DOCUMENT) as url:
        assert await wire.get_json(url, allow_private=True) == {"issuer": "x"}
    async with _answering("content-encoding: gzip\r\n", gzip.compress(DOCUMENT)) as url:
        with pytest.raises(SignInFailed) as caught:
            await wire.get_json(url, allow_private=True)
    assert caught.value.reason is Reason.BAD_METADATA


async def test_an_answer_is_read_to_its_bound_only() -> None:
    async with _answering("", b"[" * (wire.ANSWER_LIMIT + 1)) as url:
        with pytest.raises(SignInFailed) as caught:
            await wire.get_json(url, allow_private=True)
    assert caught.value.reason is Reason.BAD_ANSWER
