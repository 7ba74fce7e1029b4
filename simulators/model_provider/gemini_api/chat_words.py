"""Answers of generateContent: a whole one, and the chunks of a streamed one, as events or as a growing array."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from simulators.model_provider.dialect import EventForm, Stamp, Streamed
from simulators.model_provider.exchange import dump
from simulators.model_provider.json_value import Json, JsonObject
from simulators.model_provider.pieces import PLACE, around, pieces
from simulators.model_provider.replies import Reply
from simulators.model_provider.tool_calls import ToolCall
from simulators.model_provider.usage import Usage, tell

_FINISH_REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}
_RATINGS: list[Json] = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}]
_BAD = b'{"candidates": [{"conte'
_USAGE = "usageMetadata"


def _event(body: JsonObject) -> bytes:
    return b"data: " + dump(body) + b"\r\n\r\n"


def _item(body: JsonObject) -> bytes:
    return dump(body) + b",\r\n"


def _last_item(body: JsonObject) -> bytes:
    return dump(body) + b"]"


EVENTS = EventForm(b"text/event-stream", b"data: " + _BAD + b"\r\n\r\n", _event)
ARRAY = EventForm(b"application/json", _BAD + b",\r\n", _last_item)


@dataclass(frozen=True, slots=True)
class ContentWords:
    """How one request is answered. `events`: a stream is events, not an array."""

    model: str
    shows_thoughts: bool
    events: bool

    def whole(self, reply: Reply, stamp: Stamp) -> bytes:
        """Return the body of an answer that is not streamed."""
        parts: list[Json] = []
        if reply.reasoning and self.shows_thoughts:
            parts.append({"text": reply.reasoning, "thought": True})
        if reply.text:
            parts.append({"text": reply.text} | _signature(reply, in_text=True))
        parts += _calls(reply)
        return dump(self._body(stamp, _candidates(reply, parts)) | tell(_USAGE, reply.usage, reply.spoilt, _usage))

    def streamed(self, reply: Reply, stamp: Stamp) -> Streamed:
        """Return the chunks of a streamed answer."""
        parts: list[Json] = [{"text": ""} | _signature(reply, in_text=True)] if reply.refusal is None else []
        last = self._body(stamp, _candidates(reply, parts)) | tell(_USAGE, reply.usage, reply.spoilt, _usage)
        said = self._pieces(reply, stamp)
        if self.events:
            return Streamed(EVENTS, b"", said, (_event(last),))
        return Streamed(ARRAY, b"[", said, (_last_item(last),))

    def _pieces(self, reply: Reply, stamp: Stamp) -> Iterator[bytes]:
        if reply.reasoning and self.shows_thoughts:
            yield from self._texts({"text": PLACE, "thought": True}, reply.reasoning, reply, stamp)
        if reply.text:
            yield from self._texts({"text": PLACE}, reply.text, reply, stamp)
        for part in _calls(reply):
            yield self._chunk(part, reply, stamp)

    def _texts(self, part: JsonObject, text: str, reply: Reply, stamp: Stamp) -> Iterator[bytes]:
        before, after = around(self._chunk(part, reply, stamp))
        for piece in pieces(text):
            yield before + dump(piece) + after

    def _chunk(self, part: JsonObject, reply: Reply, stamp: Stamp) -> bytes:
        candidates: list[Json] = [{"content": {"parts": [part], "role": "model"}, "index": 0}]
        so_far = tell(_USAGE, Usage(reply.usage.prompt, 0), reply.spoilt, _usage)
        body = self._body(stamp, {"candidates": candidates}) | so_far
        return _event(body) if self.events else _item(body)

    def _body(self, stamp: Stamp, said: JsonObject) -> JsonObject:
        return said | {"modelVersion": self.model, "responseId": stamp.id}


@dataclass(frozen=True, slots=True)
class CountWords:
    """How a count of tokens is answered."""

    def whole(self, reply: Reply, _stamp: Stamp) -> bytes:
        """Return the body."""
        return dump({"totalTokens": reply.usage.prompt, "promptTokensDetails": _by_modality(reply.usage.prompt)})


def _candidates(reply: Reply, parts: list[Json]) -> JsonObject:
    if reply.blocked:
        return {"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": _RATINGS}}
    candidate: JsonObject = {"finishReason": _FINISH_REASONS.get(reply.finish, reply.finish), "index": 0}
    if reply.refusal is not None:
        return {"candidates": [candidate | {"finishReason": "SAFETY", "safetyRatings": _RATINGS}]}
    # An answer without a part has a content without parts.
    content: JsonObject = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    return {"candidates": [{"content": content} | candidate]}


def _calls(reply: Reply) -> list[Json]:
    """Return the parts that call functions; the first one carries the signature."""
    parts: list[Json] = [{"functionCall": _call(call)} for call in reply.tool_calls]
    if parts:
        parts[0] |= _signature(reply, in_text=False)
    return parts


def _call(call: ToolCall) -> JsonObject:
    return {"name": call.name, "args": call.arguments_object}


def _signature(reply: Reply, *, in_text: bool) -> JsonObject:
    """Return the signature of what was thought: on the first call of a function, else on the end of the text."""
    if not reply.reasoning or in_text == bool(reply.tool_calls):
        return {}
    digest = sha256(reply.reasoning.encode("utf-8", "surrogatepass")).digest()
    return {"thoughtSignature": base64.b64encode(digest).decode()}


def _usage(usage: Usage) -> JsonObject:
    told: JsonObject = {
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": usage.completion - usage.reasoning,
        "totalTokenCount": usage.total,
        "promptTokensDetails": _by_modality(usage.prompt),
    }
    if usage.reasoning:
        told["thoughtsTokenCount"] = usage.reasoning
    if usage.cached:
        told["cachedContentTokenCount"] = usage.cached
    return told


def _by_modality(tokens: int) -> list[Json]:
    return [{"modality": "TEXT", "tokenCount": tokens}]
