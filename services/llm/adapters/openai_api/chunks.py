"""What the chunks of a streamed chat completion mean. Lean, for every token runs through here."""

from typing import Any, cast

from domain.errors import ModelAnswerInvalid, ModelUnavailable
from domain.json_fields import object_of, objects_of, text_of
from services.llm.adapters.fields import is_list
from services.llm.adapters.openai_api.usage import read_usage
from services.llm.adapters.refusals import from_error_object
from services.llm.adapters.strict_json import read_object
from services.llm.chat import ChatChunk

_DONE = b"[DONE]"
_ENVELOPE = ("id", "object", "created", "model", "usage")
_SAYS_NOTHING = frozenset({"choices", "system_fingerprint", "service_tier", "provider", "obfuscation", "type"})
"""Fields that alone are no reason to pass a chunk without choices on."""
_BROKEN_OFF = frozenset({"error", "insufficient_system_resource"})
"""Finish reasons of servers that gave up (OpenRouter, Mistral; DeepSeek)."""


class ChunkReader:
    """Reads one answer. Every chunk is kept as it came, but for its envelope."""

    def __init__(self) -> None:
        self.done = False
        self.finished = False
        self._seen: set[int] = set()
        self._ended: set[int] = set()

    def read(self, payload: bytes) -> ChatChunk | None:
        """Return what an event says; see `services.llm.adapters.reading.Reader`."""
        if payload == _DONE:
            self.done = True
            return None
        data = read_object(payload)
        error = data.get("error") or (data if data.get("object") == "error" else None)
        if error:
            raise from_error_object(error)
        return self._chunk(data)

    def whole(self, body: bytes) -> ChatChunk:
        """Return what an answer says that was not streamed."""
        data = read_object(body)
        error = data.get("error") or (data if data.get("object") == "error" else None)
        if error:
            raise from_error_object(error)
        choices = objects_of(data.get("choices"))
        if not any(isinstance(choice.get("message"), dict) for choice in choices):
            raise ModelAnswerInvalid("the model provider's answer has no message")
        data["choices"] = [_as_delta(choice) for choice in choices]
        return self._chunk(data)

    def _chunk(self, data: dict[str, Any]) -> ChatChunk:
        usage = read_usage(data["usage"]) if data.get("usage") else None
        for key in _ENVELOPE:
            data.pop(key, None)
        choices = data.get("choices")
        if not choices:
            data["choices"] = []
            return ChatChunk(usage=usage, deltas=() if data.keys() <= _SAYS_NOTHING else (data,))
        if not isinstance(choices, list):
            raise _malformed()
        text, finish_reason, refusal = "", None, ""
        for choice in cast("list[object]", choices):
            said = self._choice(choice)
            if said is not None:
                text, finish_reason, refusal = said
        refused = bool(refusal) or finish_reason == "content_filter"
        return ChatChunk(text + refusal, finish_reason, refused, usage, (data,))

    def _choice(self, raw: object) -> tuple[str, str | None, str] | None:
        """Return text, finish reason and refusal in the first choice's piece, None for another choice's."""
        if not isinstance(raw, dict):
            raise _malformed()
        choice = cast("dict[str, Any]", raw)
        raw_delta = choice.get("delta")
        if raw_delta is not None and not isinstance(raw_delta, dict):
            raise _malformed()
        delta = cast("dict[str, Any]", raw_delta or {})
        content = delta.get("content")
        if not isinstance(content, str):
            content = _text_in(content)
        index, finish_reason = choice.get("index") or 0, choice.get("finish_reason")
        if not isinstance(index, int):
            raise _malformed()
        if finish_reason is not None or index not in self._seen or "error" in choice:
            self._follow(index, finish_reason, choice)
        return None if index else (content, finish_reason or None, text_of(delta.get("refusal")))

    def _follow(self, index: int, finish_reason: object, choice: dict[str, Any]) -> None:
        """Note which choices have begun and which have ended."""
        if not isinstance(finish_reason, str | None):
            raise _malformed()
        self._seen.add(index)
        if choice.get("error"):
            raise from_error_object(choice["error"])
        if finish_reason in _BROKEN_OFF:
            raise ModelUnavailable("the model provider broke off its answer")
        if finish_reason:
            self._ended.add(index)
            self.finished = len(self._ended) == len(self._seen)


def _text_in(content: object) -> str:
    """Return the text of a content that is no text: none, or parts as Mistral sends them."""
    if content is None:
        return ""
    if is_list(content):
        return "".join(text_of(part.get("text")) for part in objects_of(content))
    raise _malformed()


def _as_delta(choice: dict[str, Any]) -> dict[str, Any]:
    message = object_of(choice.get("message"))
    calls = message.get("tool_calls")
    if is_list(calls):
        message["tool_calls"] = [{"index": place, **call} for place, call in enumerate(objects_of(calls))]
    rest = {key: value for key, value in choice.items() if key != "message"}
    return {"finish_reason": "stop", **rest, "delta": message}


def _malformed() -> ModelAnswerInvalid:
    return ModelAnswerInvalid("the model provider's answer has fields of the wrong type")
