"""Answers of the Messages API: a whole message, and the events of a streamed one."""

from collections.abc import Iterator
from dataclasses import dataclass

from simulators.model_provider.anthropic_api.signatures import sign
from simulators.model_provider.dialect import EventForm, Stamp, Streamed
from simulators.model_provider.exchange import dump
from simulators.model_provider.json_value import Json, JsonObject
from simulators.model_provider.pieces import PLACE, around, pieces
from simulators.model_provider.replies import Reply
from simulators.model_provider.usage import Usage, tell

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


def event(data: JsonObject) -> bytes:
    """Return one event; its name is its type."""
    return b"event: " + str(data["type"]).encode() + b"\ndata: " + dump(data) + b"\n\n"


EVENTS = EventForm(
    content_type=b"text/event-stream; charset=utf-8",
    bad=b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, not json\n\n',
    error=event,
)
_PING = event({"type": "ping"})
_STOP = event({"type": "message_stop"})


@dataclass(frozen=True, slots=True)
class _Block:
    """A content block: how it stands in a whole message, how it begins in a stream, and the deltas that follow."""

    whole: JsonObject
    start: JsonObject
    delta: str
    field: str
    text: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class MessageWords:
    """How one request is answered. Without `shows_thinking` a thinking block has its signature only."""

    model: str
    shows_thinking: bool

    def whole(self, reply: Reply, stamp: Stamp) -> bytes:
        """Return the body of an answer that is not streamed."""
        message = self._message(stamp, [block.whole for block in self._blocks(reply)]) | _ending(reply)
        return dump(message | tell("usage", reply.usage, reply.spoilt, _usage))

    def streamed(self, reply: Reply, stamp: Stamp) -> Streamed:
        """Return the events of a streamed answer."""
        message = self._message(stamp, []) | {"stop_reason": None, "stop_sequence": None}
        begun = Usage(reply.usage.prompt, 1, reply.usage.cached, reply.usage.cache_written)
        message |= tell("usage", begun, reply.spoilt, _usage)
        ended: JsonObject = {"type": "message_delta", "delta": _ending(reply)}
        ended |= tell("usage", reply.usage, reply.spoilt, _usage)
        opening = event({"type": "message_start", "message": message}) + _PING
        return Streamed(EVENTS, opening, self._pieces(reply), (event(ended), _STOP))

    def _message(self, stamp: Stamp, content: list[Json]) -> JsonObject:
        return {
            "id": f"msg_{stamp.id}",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
        }

    def _pieces(self, reply: Reply) -> Iterator[bytes]:
        for index, block in enumerate(self._blocks(reply)):
            yield from _deltas(index, block)

    def _blocks(self, reply: Reply) -> Iterator[_Block]:
        if reply.reasoning:
            yield self._thinking(reply.reasoning)
        if reply.said:
            yield _Block({"type": "text", "text": reply.said}, {"type": "text", "text": ""}, "text", "text", reply.said)
        for call in reply.tool_calls:
            head = {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name}
            whole = head | {"input": call.arguments_object}
            yield _Block(whole, head | {"input": {}}, "input_json", "partial_json", call.arguments)

    def _thinking(self, reasoning: str) -> _Block:
        shown = reasoning if self.shows_thinking else ""
        start = {"type": "thinking", "thinking": "", "signature": ""}
        whole = {"type": "thinking", "thinking": shown, "signature": sign(reasoning)}
        return _Block(whole, start, "thinking", "thinking", shown, sign(reasoning))


@dataclass(frozen=True, slots=True)
class CountWords:
    """How a count of tokens is answered."""

    def whole(self, reply: Reply, _stamp: Stamp) -> bytes:
        """Return the body."""
        return dump({"input_tokens": reply.usage.prompt})


def _deltas(index: int, block: _Block) -> Iterator[bytes]:
    """Yield the events of a block, one time for each piece: its start goes with the first, its end with the last."""
    start = event({"type": "content_block_start", "index": index, "content_block": block.start})
    end = event({"type": "content_block_stop", "index": index})
    if block.signature is not None:
        end = _delta(index, {"type": "signature_delta", "signature": block.signature}) + end
    before, after = around(_delta(index, {"type": f"{block.delta}_delta", block.field: PLACE}))
    told = [before + dump(piece) + after for piece in pieces(block.text)] or [b""]
    told[0] = start + told[0]
    told[-1] += end
    yield from told


def _delta(index: int, delta: JsonObject) -> bytes:
    return event({"type": "content_block_delta", "index": index, "delta": delta})


def _ending(reply: Reply) -> JsonObject:
    stop_reason = _STOP_REASONS.get(reply.finish, reply.finish)
    if reply.refusal is not None:
        stop_reason = "refusal"
    elif reply.stopped_by is not None and reply.finish == "stop":
        stop_reason = "stop_sequence"
    ending: JsonObject = {"stop_reason": stop_reason, "stop_sequence": reply.stopped_by}
    if stop_reason == "refusal":
        ending["stop_details"] = {"type": "refusal", "category": None, "explanation": reply.refusal}
    return ending


def _usage(usage: Usage) -> JsonObject:
    return {
        "input_tokens": usage.prompt - usage.cached - usage.cache_written,
        "cache_creation_input_tokens": usage.cache_written,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_written,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": usage.completion,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
        "service_tier": "standard",
    }
