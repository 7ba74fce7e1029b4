"""What the events of a streamed message mean, as chunks of the OpenAI API. Lean, for every token runs through here."""

import json
from dataclasses import dataclass, field
from typing import Any, cast

from domain.errors import ModelAnswerInvalid
from domain.json_fields import object_of, objects_of, text_of
from services.llm.adapters.anthropic_api.tools import ANSWER_TOOL
from services.llm.adapters.anthropic_api.usage import read_usage
from services.llm.adapters.openai_form import call_begun, call_goes_on, ending, piece
from services.llm.adapters.reading import joined
from services.llm.adapters.refusals import from_error_object
from services.llm.adapters.strict_json import read_object
from services.llm.chat import ChatChunk

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})


@dataclass(slots=True)
class _Block:
    """A content block on its way. `place`: of a tool call among the calls; `parts`: what came of its text or input."""

    said: dict[str, Any]
    place: int = 0
    parts: list[str] = field(default_factory=list[str])

    @property
    def kind(self) -> str:
        return text_of(self.said.get("type"))

    @property
    def answers(self) -> bool:
        """Whether it is the tool whose input is the answer."""
        return self.kind == "tool_use" and self.said.get("name") == ANSWER_TOOL


class EventReader:
    """Reads one answer. Events and blocks that are not known are passed over, or on as they are."""

    def __init__(self) -> None:
        self.done = False
        self.finished = False
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._answered = False
        self._usage: dict[str, Any] = {}

    def read(self, payload: bytes) -> ChatChunk | None:
        """Return what an event says; see `services.llm.adapters.reading.Reader`."""
        return self._event(read_object(payload))

    def whole(self, body: bytes) -> ChatChunk:
        """Return what a message says that was not streamed: the events are made up for it."""
        message = read_object(body)
        if message.get("error"):
            raise from_error_object(message["error"])
        if message.get("type") != "message" or not isinstance(message.get("content"), list):
            raise ModelAnswerInvalid("the model provider's answer is no message")
        said: list[ChatChunk | None] = [self._begin({"message": message})]
        for number, block in enumerate(objects_of(message["content"])):
            said.extend(self._whole_block(number, block))
        said.append(self._end({"delta": message, "usage": message.get("usage")}))
        return joined([chunk for chunk in said if chunk is not None]) or ChatChunk()

    def _event(self, data: dict[str, Any]) -> ChatChunk | None:
        match data.get("type"):
            case "content_block_delta":
                return self._piece(data)
            case "content_block_start":
                return self._open(data)
            case "content_block_stop":
                return self._close(data)
            case "message_start":
                return self._begin(data)
            case "message_delta":
                return self._end(data)
            case "message_stop":
                self.done = True
            case "error":
                raise from_error_object(data.get("error"))
            case _:
                if data.get("error"):
                    raise from_error_object(data["error"])
        return None

    def _begin(self, data: dict[str, Any]) -> ChatChunk:
        self._usage = object_of(object_of(data.get("message")).get("usage"))
        return ChatChunk(deltas=(piece({"role": "assistant", "content": ""}),))

    def _open(self, data: dict[str, Any]) -> ChatChunk | None:
        if not isinstance(data.get("content_block"), dict):
            raise _malformed()
        block = _Block(data["content_block"], self._calls)
        self._blocks[_index(data)] = block
        if block.answers:
            self._answered = True
        elif block.kind == "tool_use":
            self._calls += 1
            call = call_begun(block.place, text_of(block.said.get("id")), text_of(block.said.get("name")))
            return _delta({"tool_calls": [call]})
        elif block.kind == "text":
            return _text(text_of(block.said.get("text")))
        elif block.kind == "thinking":
            return self._thought(block, text_of(block.said.get("thinking")))
        return None

    def _piece(self, data: dict[str, Any]) -> ChatChunk | None:
        raw = data.get("delta")
        if not isinstance(raw, dict):
            raise _malformed()
        delta = cast("dict[str, Any]", raw)
        block = self._blocks.get(_index(data)) or _Block({})
        match delta.get("type"):
            case "text_delta":
                return _text(_string(delta, "text"))
            case "input_json_delta":
                return self._input(block, _string(delta, "partial_json"))
            case "thinking_delta":
                return self._thought(block, _string(delta, "thinking"))
            case "signature_delta":
                block.said["signature"] = _string(delta, "signature")
            case "citations_delta":
                return _delta({"citations": [delta.get("citation")]})
            case _:
                pass
        return None

    def _input(self, block: _Block, text: str) -> ChatChunk | None:
        if not text:
            return None
        block.parts.append(text)
        if block.answers:
            return _text(text)
        if block.kind != "tool_use":
            return None  # a tool that the provider runs itself: told when it is whole
        return _delta({"tool_calls": [call_goes_on(block.place, text)]})

    def _thought(self, block: _Block, text: str) -> ChatChunk | None:
        block.parts.append(text)
        return _delta({"reasoning_content": text}) if text else None

    def _close(self, data: dict[str, Any]) -> ChatChunk | None:
        number = _index(data)
        block = self._blocks.pop(number, None)
        if block is None or block.kind == "text":
            return None
        if block.kind in _THOUGHTS:
            whole = {"thinking": "".join(block.parts)} if block.kind == "thinking" else {}
            return _delta({"thinking_blocks": [{"index": number, **block.said, **whole}]})
        if block.kind != "tool_use":
            return _delta({"anthropic_blocks": [{"index": number, **block.said, **_input_of(block)}]})
        if block.parts:
            return None
        return self._input(block, json.dumps(block.said.get("input") or {}))

    def _whole_block(self, number: int, block: dict[str, Any]) -> list[ChatChunk | None]:
        said = [self._open({"index": number, "content_block": block})]
        return [*said, self._close({"index": number})]

    def _end(self, data: dict[str, Any]) -> ChatChunk:
        """Tell the end and the usage; counts are cumulative, and those not told again hold."""
        told = object_of(data.get("usage"))
        self._usage = {**self._usage, **{name: count for name, count in told.items() if count is not None}}
        delta = object_of(data.get("delta"))
        native = text_of(delta.get("stop_reason"))
        if not native:
            return ChatChunk(usage=read_usage(self._usage))
        self.finished = True
        reason = _REASONS.get(native, "stop")
        if reason == "tool_calls" and self._answered and not self._calls:
            reason = "stop"
        more = {name: delta[name] for name in ("stop_sequence", "stop_details") if delta.get(name) is not None}
        why = text_of(object_of(delta.get("stop_details")).get("explanation")) if native == "refusal" else ""
        refusal = (piece({"refusal": why}),) if why else ()
        return ChatChunk(
            text=why,
            finish_reason=reason,
            refused=native == "refusal",
            usage=read_usage(self._usage),
            deltas=(*refusal, ending(reason, native, **more)),
        )


def _text(text: str) -> ChatChunk | None:
    return ChatChunk(text, deltas=(piece({"content": text}),)) if text else None


def _delta(delta: dict[str, Any]) -> ChatChunk:
    return ChatChunk(deltas=(piece(delta),))


def _input_of(block: _Block) -> dict[str, Any]:
    """Return the input of a tool that the provider runs itself, as far as it came in pieces."""
    if not block.parts:
        return {}
    try:
        return {"input": read_object("".join(block.parts).encode())}
    except ModelAnswerInvalid:
        return {"input": "".join(block.parts)}


def _string(delta: dict[str, Any], name: str) -> str:
    said = delta.get(name)
    if not isinstance(said, str):
        raise _malformed()
    return said


def _index(data: dict[str, Any]) -> int:
    index = data.get("index", 0)
    if not isinstance(index, int):
        raise _malformed()
    return index


def _malformed() -> ModelAnswerInvalid:
    return ModelAnswerInvalid("the model provider's answer has fields of the wrong type")
