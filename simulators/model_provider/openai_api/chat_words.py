"""Answers in the OpenAI API's JSON: a whole chat completion, and the chunks of a streamed one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulators.model_provider.dialect import EventForm, Stamp, Streamed
from simulators.model_provider.exchange import dump
from simulators.model_provider.json_value import Json, JsonObject
from simulators.model_provider.openai_api.words import FINGERPRINT
from simulators.model_provider.pieces import PLACE, around, pieces
from simulators.model_provider.replies import Reply
from simulators.model_provider.tool_calls import ToolCall
from simulators.model_provider.usage import in_openai_words, tell

DONE = b"data: [DONE]\n\n"


def sse(data: Json) -> bytes:
    """Return one event."""
    return b"data: " + dump(data) + b"\n\n"


EVENTS = EventForm(
    content_type=b"text/event-stream; charset=utf-8",
    bad=b'data: {"id": "sim, not json\n\n',
    error=sse,
)


@dataclass(frozen=True, slots=True)
class ChatWords:
    """How one chat is answered."""

    model: str
    include_usage: bool

    def whole(self, reply: Reply, stamp: Stamp) -> bytes:
        """Return the body of an answer that is not streamed."""
        choice = {
            "index": 0,
            "message": _message(reply),
            "logprobs": None,
            "finish_reason": reply.finish,
        }
        body = self._head(stamp, "chat.completion") | {"choices": [choice]}
        return dump(body | tell("usage", reply.usage, reply.spoilt, in_openai_words))

    def streamed(self, reply: Reply, stamp: Stamp) -> Streamed:
        """Return the events of a streamed answer."""
        head = self._head(stamp, "chat.completion.chunk")
        tail: JsonObject = {"usage": None} if self.include_usage else {}
        chunks = _Chunks(head, tail)
        opening: JsonObject = {"role": "assistant", "content": _opening_text(reply), "refusal": None}
        closing = [chunks.event({}, reply.finish)]
        if self.include_usage:
            told = tell("usage", reply.usage, reply.spoilt, in_openai_words)
            closing += [sse(head | {"choices": []} | told)] if told else []
        return Streamed(EVENTS, chunks.event(opening, None), chunks.pieces(reply), (*closing, DONE))

    def _head(self, stamp: Stamp, kind: str) -> JsonObject:
        return {
            "id": f"chatcmpl-{stamp.id}",
            "object": kind,
            "created": stamp.created,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
        }


@dataclass(frozen=True, slots=True)
class _Chunks:
    """The events of one answer: what all have before and after the choice."""

    head: JsonObject
    tail: JsonObject

    def event(self, delta: JsonObject, finish_reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return sse(self.head | {"choices": [choice]} | self.tail)

    def pieces(self, reply: Reply) -> Iterator[bytes]:
        if reply.reasoning:
            yield from self._texts({"reasoning_content": PLACE}, reply.reasoning)
        field = "content" if reply.refusal is None else "refusal"
        yield from self._texts({field: PLACE}, reply.said)
        for index, call in enumerate(reply.tool_calls):
            yield self.event({"tool_calls": [{"index": index, **_tool_call(call, "")}]}, None)
            yield from self._texts({"tool_calls": [{"index": index, "function": {"arguments": PLACE}}]}, call.arguments)

    def _texts(self, delta: JsonObject, text: str) -> Iterator[bytes]:
        before, after = around(self.event(delta, None))
        for piece in pieces(text):
            yield before + dump(piece) + after


def _opening_text(reply: Reply) -> str | None:
    return None if reply.refusal is not None or _is_silent(reply) else ""


def _is_silent(reply: Reply) -> bool:
    """Return whether tools are called without a word."""
    return bool(reply.tool_calls) and not reply.text


def _message(reply: Reply) -> JsonObject:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if _is_silent(reply) else reply.text,
        "refusal": reply.refusal,
    }
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.tool_calls:
        message["tool_calls"] = [_tool_call(call, call.arguments) for call in reply.tool_calls]
    return message


def _tool_call(call: ToolCall, arguments: str) -> JsonObject:
    return {"id": f"call_{call.id}", "type": "function", "function": {"name": call.name, "arguments": arguments}}
