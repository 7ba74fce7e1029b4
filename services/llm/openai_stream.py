"""Reading an OpenAI-compatible answer: a stream's chunks, or a whole completion where a server cannot stream."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

import httpx

from domain.budget import Usage
from domain.errors import ModelAnswerInvalid, ModelAnswerTooLarge, ModelUnavailable
from services.llm.chat import ChatChunk
from services.llm.errors import from_error_object
from services.llm.printable import printable
from services.llm.sse import LINE_LIMIT, EventLines

_DONE = b"[DONE]"
_DRAIN_S = 0.25
"""How long to wait after `[DONE]` for the end of the body, so that the connection can be used again."""


async def read_answer(response: httpx.Response) -> AsyncGenerator[ChatChunk, None]:
    """Yield a 200 answer in chunks, one for each read from the socket.

    Raises:
        ModelAnswerInvalid: It is not what the API promises.
        ModelAnswerTooLarge: One event is larger than any answer may be.
        ModelUnavailable: The stream ended in the middle.
    """
    yield ChatChunk()
    form = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if "html" in form:
        raise ModelAnswerInvalid("the model provider answered with a web page")
    encoded = "content-encoding" in response.headers
    data = response.aiter_bytes() if encoded else response.aiter_raw()
    if form == "application/json":
        yield _whole(await _read_all(data))
        return
    async for chunk in _events(data):
        yield chunk


async def _events(data: AsyncIterator[bytes]) -> AsyncGenerator[ChatChunk, None]:
    lines, reading = EventLines(), _Reading()
    silent = True
    async for part in data:
        silent = False
        chunk = reading.read(lines.feed(part))
        if chunk is not None:
            yield chunk
        if reading.done:
            await _drain(data)
            return
    chunk = reading.read(lines.rest())
    if chunk is not None:
        yield chunk
    reading.check_end(silent=silent)


class _Reading:
    """What a stream has said so far about its end."""

    def __init__(self) -> None:
        self.done = False
        self._finished = False
        self._spoke = False

    def read(self, payloads: list[bytes]) -> ChatChunk | None:
        """Return the chunk that some events make together, None when they say nothing."""
        pieces: list[ChatChunk] = []
        for payload in payloads:
            if payload == _DONE:
                self.done = True
                break
            if payload:
                pieces.append(_piece(_loads(payload), "delta"))
        if not pieces:
            return None
        self._spoke = True
        chunk = pieces[0] if len(pieces) == 1 else _joined(pieces)
        self._finished = self._finished or chunk.finish_reason is not None
        return chunk

    def check_end(self, *, silent: bool) -> None:
        """Raise unless the stream came to its end. `silent`: it had not even one byte."""
        if not self._spoke and not silent:
            raise ModelAnswerInvalid("the model provider's answer is no event stream")
        if not self.done and not self._finished:
            raise ModelUnavailable("the model provider cut its answer")


def _joined(pieces: list[ChatChunk]) -> ChatChunk:
    return ChatChunk(
        text="".join(piece.text for piece in pieces),
        finish_reason=next((piece.finish_reason for piece in pieces if piece.finish_reason), None),
        refused=any(piece.refused for piece in pieces),
        usage=next((piece.usage for piece in reversed(pieces) if piece.usage), None),
    )


def _whole(body: bytes) -> ChatChunk:
    chunk = _piece(_loads(body), "message")
    if chunk.finish_reason is None and not chunk.text:
        raise ModelAnswerInvalid("the model provider's answer has no message")
    return chunk


def _loads(payload: bytes) -> dict[str, Any]:
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        raise ModelAnswerInvalid("the model provider's answer is not JSON") from None
    if not isinstance(data, dict):
        raise ModelAnswerInvalid("the model provider's answer is no JSON object")
    return cast("dict[str, Any]", data)


def _piece(data: dict[str, Any], message: str) -> ChatChunk:
    if data.get("error"):
        raise from_error_object(data["error"])
    usage = read_usage(data["usage"]) if data.get("usage") else None
    choices = data.get("choices")
    choice = _object(cast("list[object]", choices)[0]) if isinstance(choices, list) and choices else {}
    delta = _object(choice.get(message))
    refusal = _text(delta.get("refusal"))
    return ChatChunk(
        text=printable(_text(delta.get("content")) + refusal),
        finish_reason=_text(choice.get("finish_reason")) or None,
        refused=bool(refusal),
        usage=usage,
    )


def _object(raw: object) -> dict[str, Any]:
    return cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}


def _text(raw: object) -> str:
    return raw if isinstance(raw, str) else ""


def read_usage(raw: object) -> Usage | None:
    """Return a usage as the API tells it, None when it is no usage or cannot be true."""
    if not isinstance(raw, dict):
        return None
    data = cast("dict[str, Any]", raw)
    cached = _count(_object(data.get("prompt_tokens_details")).get("cached_tokens"))
    given, made = _count(data.get("prompt_tokens")), _count(data.get("completion_tokens"))
    if given is None or made is None:
        return None
    return Usage(input_tokens=given, cached_tokens=min(cached or 0, given), output_tokens=made)


def _count(raw: object) -> int | None:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and raw >= 0 else None


async def _read_all(data: AsyncIterator[bytes]) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in data:
        size += len(part)
        if size > LINE_LIMIT:
            raise ModelAnswerTooLarge(f"the model provider's answer has more than {LINE_LIMIT} bytes")
        parts.append(part)
    return b"".join(parts)


async def _drain(data: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(_DRAIN_S):
            async for _ in data:
                pass
    except (TimeoutError, httpx.HTTPError):
        return  # the answer is whole; only the connection cannot be used again
