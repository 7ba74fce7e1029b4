"""Reading a chat's answer, whatever the API: events become chunks, one for each read from the socket."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from typing import Protocol

import httpx

from domain.errors import ModelAnswerInvalid, ModelUnavailable
from services.llm.adapters.connections import Answer, translated
from services.llm.adapters.event_lines import EVENT_LIMIT, EventLines
from services.llm.chat import ChatChunk

DRAIN_S = 0.25
"""How long to wait for the body's end after an answer has said that it is over: its connection is then used again."""
LINGER_S = 3.0
"""How long to wait for more after the model has finished but the answer has not said that it is over."""


class Reader(Protocol):
    """What an API's events mean. One for each answer."""

    @property
    def finished(self) -> bool:
        """Whether the model has finished; a usage may still come."""
        ...

    @property
    def done(self) -> bool:
        """Whether the answer has said that nothing more comes."""
        ...

    def read(self, payload: bytes) -> ChatChunk | None:
        """Return what an event says, None when it says nothing."""
        ...

    def whole(self, body: bytes) -> ChatChunk:
        """Return what an answer says that came in one piece although a stream was asked for."""
        ...


async def read_chat(ask: Callable[[], Awaitable[tuple[Answer, Reader]]]) -> AsyncGenerator[ChatChunk, None]:
    """Ask, and yield the answer in chunks, the first an empty one with the headers; close it at the end.

    Raises:
        ModelAnswerInvalid: It is not what the API promises.
        ModelAnswerTooLarge: It is larger than any answer may be.
        ModelUnavailable: It ended in the middle.
        ModelError: Whatever `ask` raises.
    """
    answer, reader = await ask()
    try:
        with translated():
            yield ChatChunk(told=answer.told)
            if "html" in answer.form:
                raise ModelAnswerInvalid("the model provider answered with a web page")
            if answer.form == "application/json":
                yield reader.whole(await answer.body(EVENT_LIMIT))
                return
            async with aclosing(_stream(answer, reader)) as chunks:
                async for chunk in chunks:
                    yield chunk
    finally:
        await answer.aclose()


async def _stream(answer: Answer, reader: Reader) -> AsyncGenerator[ChatChunk, None]:
    lines, silent = EventLines(), True
    async with aclosing(answer.pieces()) as pieces:
        async for part in pieces:
            silent = False
            chunk = _read(reader, lines.feed(part))
            if chunk is not None:
                yield chunk
            if reader.finished or reader.done:
                break
        async with aclosing(_remainder(pieces, reader)) as parts:
            async for part in parts:
                chunk = _read(reader, lines.feed(part))
                if chunk is not None:
                    yield chunk
    chunk = _rest(reader, lines)
    if chunk is not None:
        yield chunk
    if not (reader.finished or reader.done):
        raise _cut(silent=silent, heard=lines.heard)


async def _remainder(pieces: AsyncGenerator[bytes, None], reader: Reader) -> AsyncGenerator[bytes, None]:
    """Yield what still comes after the model has finished. A failure then harms nobody: the answer is whole."""
    clock = asyncio.get_running_loop()
    drained: float | None = None
    while True:
        if reader.done and drained is None:
            drained = clock.time() + DRAIN_S
        try:
            async with asyncio.timeout_at(drained or clock.time() + LINGER_S):
                part = await anext(pieces, None)
        except (TimeoutError, httpx.HTTPError, httpx.StreamError):
            return
        if part is None:
            return
        yield part


def _read(reader: Reader, payloads: Iterable[bytes]) -> ChatChunk | None:
    """Return the chunk that some events make together; what comes after the end is not read."""
    chunks = list(_each(reader, payloads))
    return chunks[0] if len(chunks) == 1 else joined(chunks)


def _rest(reader: Reader, lines: EventLines) -> ChatChunk | None:
    """Return what a last event says that no empty line ends, nothing where it was cut."""
    try:
        return _read(reader, lines.rest())
    except ModelAnswerInvalid:
        return None


def _each(reader: Reader, payloads: Iterable[bytes]) -> Iterator[ChatChunk]:
    for payload in payloads:
        if reader.done:
            return
        chunk = reader.read(payload)
        if chunk is not None:
            yield chunk


def joined(chunks: list[ChatChunk]) -> ChatChunk | None:
    """Return one chunk that says what several say, None for none."""
    if not chunks:
        return None
    return ChatChunk(
        text="".join(chunk.text for chunk in chunks),
        finish_reason=next((chunk.finish_reason for chunk in reversed(chunks) if chunk.finish_reason), None),
        refused=any(chunk.refused for chunk in chunks),
        usage=next((chunk.usage for chunk in reversed(chunks) if chunk.usage), None),
        deltas=tuple(delta for chunk in chunks for delta in chunk.deltas),
    )


def _cut(*, silent: bool, heard: bool) -> ModelUnavailable | ModelAnswerInvalid:
    if not silent and not heard:
        return ModelAnswerInvalid("the model provider's answer is no event stream")
    return ModelUnavailable("the model provider cut its answer")
