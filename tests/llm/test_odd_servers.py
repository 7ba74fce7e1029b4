"""Servers that speak HTTP in ways the simulated provider does not: raw bytes over a socket on loopback."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from domain.errors import ModelAnswerInvalid, ModelAnswerTooLarge, ModelError, ModelUnavailable
from services.llm.chat import ChatAnswer
from services.llm.openai_chat import OpenAIChat, Provider
from services.llm.sse import LINE_LIMIT
from tests.llm.parts import chat_request, collect

HELLO = b'data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}]}\n\n'
OPEN = b'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n'
SSE = b"content-type: text/event-stream\r\n"


@asynccontextmanager
async def server(headers: bytes, body: bytes, *, stay_open: bool = False) -> AsyncIterator[str]:
    """Answer every request with these bytes; then close the connection, or leave it open."""

    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n" + body)
        if stay_open:
            await ended.wait()
        writer.close()
        await writer.wait_closed()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        ended.set()


async def asked(headers: bytes, body: bytes, *, stay_open: bool = False) -> ChatAnswer:
    async with (
        server(headers, body, stay_open=stay_open) as url,
        OpenAIChat(Provider(url, silence_s=2.0)) as chat,
    ):
        return await collect(chat, chat_request("m"))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (SSE, HELLO),
        (SSE, HELLO.rstrip()),
        (SSE, HELLO.replace(b"\n", b"\r\n")),
        (SSE, OPEN + b"data: [DONE]\n\n"),
        (b"", HELLO),
        (b"content-type: text/plain\r\n", b": waiting\n\nevent: chunk\n" + HELLO),
        (SSE + b"content-encoding: gzip\r\n", gzip.compress(HELLO)),
    ],
)
async def test_streams_in_odd_clothes_are_read(headers: bytes, body: bytes) -> None:
    answer = await asked(headers, body)
    assert answer.text == "Hello"
    assert answer.usage.estimated


@pytest.mark.parametrize(
    ("headers", "body", "kind"),
    [
        (b"content-type: text/html; charset=utf-8\r\n", b"<html>Sign in</html>", ModelAnswerInvalid),
        (SSE, b"<html>Sign in</html>", ModelAnswerInvalid),
        (SSE, b"", ModelUnavailable),
        (SSE, OPEN, ModelUnavailable),
        (SSE + b"content-length: 5000\r\n", OPEN, ModelUnavailable),
        (SSE, b"data: [1]\n\n", ModelAnswerInvalid),
        (SSE, b'data: {"error": {"code": "overloaded_error"}}\n\n', ModelError),
        (SSE, b"data: " + b"x" * (LINE_LIMIT + 10), ModelAnswerTooLarge),
        (b"content-type: application/json\r\n", b" " * (LINE_LIMIT + 10), ModelAnswerTooLarge),
        (SSE + b"content-encoding: gzip\r\n", b"not gzip", ModelAnswerInvalid),
    ],
)
async def test_what_is_no_answer_is_told_apart(headers: bytes, body: bytes, kind: type[ModelError]) -> None:
    with pytest.raises(kind):
        await asked(headers, body)


async def test_a_server_that_keeps_the_line_open_after_the_end_costs_no_time() -> None:
    began = time.monotonic()
    answer = await asked(SSE, OPEN + b"data: [DONE]\n\n", stay_open=True)
    assert answer.text == "Hello"
    assert time.monotonic() - began < 1
