"""Answers in the OpenAI API's JSON: a whole completion, and the chunks of a streamed one."""

import json
import re
from collections.abc import Iterator
from typing import Any

from simulators.model_provider.json_value import Json
from simulators.model_provider.replies import Reply, Usage

FINGERPRINT = "longhaul-simulator"
DONE = b"data: [DONE]\n\n"
BAD_CHUNK = b'data: {"id": "sim, not json\n\n'

_PIECE = re.compile(r"(?:\s*\S{1,16}){1,3}|\s+")
_LONG = 64 * 1024
_LONG_PIECE = 8 * 1024


def pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces of up to three words (of 16 characters where there are no spaces); long ones in 8 KiB."""
    if len(text) > _LONG:
        for start in range(0, len(text), _LONG_PIECE):
            yield text[start : start + _LONG_PIECE]
        return
    for match in _PIECE.finditer(text):
        yield match.group()


def dump(data: Json) -> bytes:
    """Return compact JSON."""
    return json.dumps(data, separators=(",", ":")).encode()


def completion(call_id: str, created: int, model: str, reply: Reply) -> bytes:
    """Return the body of an answer that is not streamed."""
    message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
    body = _head(call_id, created, model, "chat.completion") | {"choices": [choice]}
    return dump(body if reply.usage is None else body | {"usage": reply.usage})


class Chunks:
    """The SSE events of one streamed answer."""

    def __init__(self, call_id: str, created: int, model: str, *, include_usage: bool) -> None:
        """Prepare the events. `include_usage`: all events have a `usage` field, null but in the last."""
        self._head = _head(call_id, created, model, "chat.completion.chunk")
        self._tail: dict[str, Any] = {"usage": None} if include_usage else {}
        frame = self._event({"@": 0}, None)
        # Pieces are many: only their own text is encoded, the rest of the event is made once.
        self._before, self._after = frame.split(b'{"@":0}')

    def first(self, *, refused: bool) -> bytes:
        """Return the event that opens the message."""
        return self._event({"role": "assistant", "content": None if refused else "", "refusal": None}, None)

    def piece(self, text: str, *, refused: bool) -> bytes:
        """Return the event of one piece."""
        field = b'{"refusal":' if refused else b'{"content":'
        return self._before + field + dump(text) + b"}" + self._after

    def last(self, finish_reason: str) -> bytes:
        """Return the event that ends the message."""
        return self._event({}, finish_reason)

    def usage(self, usage: Usage) -> bytes:
        """Return the event after the message that tells the usage."""
        return _sse(self._head | {"choices": [], "usage": usage})

    def _event(self, delta: dict[str, Any], finish_reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _sse(self._head | {"choices": [choice]} | self._tail)


def _head(call_id: str, created: int, model: str, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{call_id}",
        "object": kind,
        "created": created,
        "model": model,
        "system_fingerprint": FINGERPRINT,
    }


def _sse(data: Json) -> bytes:
    return b"data: " + dump(data) + b"\n\n"
