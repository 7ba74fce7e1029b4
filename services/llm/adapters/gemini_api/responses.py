"""What the responses of a streamed `generateContent` mean, as chunks of the OpenAI API."""

import json
import secrets
from typing import Any, cast

from domain.errors import ModelAnswerInvalid
from domain.json_fields import object_of, objects_of, text_of
from services.llm.adapters.gemini_api.usage import read_usage
from services.llm.adapters.openai_form import call_begun
from services.llm.adapters.reading import joined
from services.llm.adapters.refusals import from_error_object
from services.llm.adapters.strict_json import read_json
from services.llm.chat import ChatChunk

_LENGTH = frozenset({"MAX_TOKENS", "CONTINUATION"})
_REFUSED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "MODEL_ARMOR",
        "JAILBREAK",
    }
)
_BROKEN = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE", "TOO_MANY_TOOL_CALLS"})
"""Ends of answers that the model got wrong: another try is worth its while."""
_KNOWN_PARTS = frozenset({"text", "thought", "thoughtSignature", "functionCall", "inlineData"})


class ResponseReader:
    """Reads one answer."""

    def __init__(self) -> None:
        self.done = False
        self.finished = False
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._calls: dict[int, int] = {}

    def read(self, payload: bytes) -> ChatChunk | None:
        """Return what an event says; see `services.llm.adapters.reading.Reader`."""
        return self._response(read_json(payload))

    def whole(self, body: bytes) -> ChatChunk:
        """Return what an answer says that came in one piece: a response, or an array of them."""
        data = read_json(body)
        responses = cast("list[object]", data) if isinstance(data, list) else [data]
        said = [chunk for chunk in map(self._response, responses) if chunk is not None]
        if not self.finished:
            raise ModelAnswerInvalid("the model provider's answer has no candidate that ends")
        return joined(said) or ChatChunk()

    def _response(self, raw: object) -> ChatChunk | None:
        if not isinstance(raw, dict):
            raise ModelAnswerInvalid("the model provider's answer is no JSON object")
        data = cast("dict[str, Any]", raw)
        if data.get("error"):
            raise from_error_object(data["error"])
        usage = read_usage(data["usageMetadata"]) if data.get("usageMetadata") else None
        candidates = data.get("candidates")
        if not candidates:
            blocked = text_of(object_of(data.get("promptFeedback")).get("blockReason"))
            if blocked:
                return self._blocked(blocked, usage)
            return None if usage is None else ChatChunk(usage=usage)
        if not isinstance(candidates, list):
            raise _malformed()
        choices = [self._choice(candidate) for candidate in cast("list[object]", candidates)]
        first = next((choice for choice in choices if not choice["index"]), None)
        reason = first["finish_reason"] if first else None
        return ChatChunk(
            text=text_of(first["delta"].get("content")) if first else "",
            finish_reason=reason,
            refused=reason == "content_filter",
            usage=usage,
            deltas=({"choices": choices},),
        )

    def _blocked(self, reason: str, usage: Any) -> ChatChunk:
        """Tell that the prompt was blocked: an answer of the provider's policy, not a failure."""
        self.finished = True
        why = f"The provider's policy blocked the prompt ({reason if reason in _REFUSED else 'OTHER'})."
        choice = {
            "index": 0,
            "delta": {"role": "assistant", "content": None, "refusal": why},
            "finish_reason": "content_filter",
            "native_finish_reason": reason,
        }
        return ChatChunk(why, "content_filter", refused=True, usage=usage, deltas=({"choices": [choice]},))

    def _choice(self, raw: object) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise _malformed()
        candidate = cast("dict[str, Any]", raw)
        index = candidate.get("index") or 0
        if not isinstance(index, int):
            raise _malformed()
        delta: dict[str, Any] = {} if index in self._begun else {"role": "assistant"}
        self._begun.add(index)
        for part in _parts(candidate):
            self._add(delta, part, index)
        choice: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": None}
        native = candidate.get("finishReason")
        if native:
            choice |= {"finish_reason": self._reason(text_of(native), index), "native_finish_reason": text_of(native)}
        rest = {name: candidate[name] for name in ("citationMetadata", "groundingMetadata") if name in candidate}
        return choice | rest

    def _add(self, delta: dict[str, Any], part: dict[str, Any], index: int) -> None:
        """Add what a part says to a choice's delta."""
        text = part.get("text")
        if isinstance(text, str):
            name = "reasoning_content" if part.get("thought") is True else "content"
            delta[name] = delta.get(name, "") + text
        elif text is not None:
            raise _malformed()
        call = part.get("functionCall")
        if isinstance(call, dict):
            delta.setdefault("tool_calls", []).append(self._call(part, index))
        elif part.get("thoughtSignature"):
            delta["extra_content"] = _signature(part)
        image = object_of(part.get("inlineData"))
        if image:
            url = f"data:{text_of(image.get('mimeType'))};base64,{text_of(image.get('data'))}"
            delta.setdefault("images", []).append({"type": "image_url", "image_url": {"url": url}})
        if not _KNOWN_PARTS & part.keys():
            delta.setdefault("gemini_parts", []).append(part)

    def _call(self, part: dict[str, Any], index: int) -> dict[str, Any]:
        said = object_of(part.get("functionCall"))
        place = self._calls.get(index, 0)
        self._calls[index] = place + 1
        call_id = text_of(said.get("id")) or f"call_{secrets.token_hex(12)}"
        arguments = json.dumps(said.get("args") or {}, ensure_ascii=False, separators=(",", ":"))
        call = call_begun(place, call_id, text_of(said.get("name")), arguments)
        return call | ({"extra_content": _signature(part)} if part.get("thoughtSignature") else {})

    def _reason(self, native: str, index: int) -> str:
        if native in _BROKEN:
            raise ModelAnswerInvalid(f"the model's answer is broken ({native})")
        self._ended.add(index)
        self.finished = self._ended == self._begun
        if native in _LENGTH:
            return "length"
        if native in _REFUSED:
            return "content_filter"
        return "tool_calls" if self._calls.get(index) else "stop"


def _parts(candidate: dict[str, Any]) -> list[dict[str, Any]]:
    content = candidate.get("content")
    if content is None:
        return []
    if not isinstance(content, dict):
        raise _malformed()
    parts = cast("dict[str, Any]", content).get("parts")
    if parts is None:
        return []
    if not isinstance(parts, list):
        raise _malformed()
    return objects_of(cast("list[object]", parts))


def _signature(part: dict[str, Any]) -> dict[str, Any]:
    return {"google": {"thought_signature": text_of(part.get("thoughtSignature"))}}


def _malformed() -> ModelAnswerInvalid:
    return ModelAnswerInvalid("the model provider's answer has fields of the wrong type")
