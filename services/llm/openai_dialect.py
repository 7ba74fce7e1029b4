"""The OpenAI chat API as a given server speaks it: what a request holds, and what to leave out when refused."""

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from services.llm.chat import ChatRequest


class JsonMode(StrEnum):
    """How structured output is asked for, the strictest first."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server takes. `limit_field`: the field that bounds the answer's tokens."""

    json_mode: JsonMode = JsonMode.SCHEMA
    limit_field: str = "max_tokens"
    stream_usage: bool = True


_WEAKER = {JsonMode.SCHEMA: JsonMode.OBJECT, JsonMode.OBJECT: JsonMode.WORDS}
_ABOUT_JSON = ("response_format", "json_schema", "json_object", "json schema", "structured output", "grammar")
_OTHER_LIMIT = "max_completion_tokens"


def body(request: ChatRequest, dialect: Dialect) -> bytes:
    """Return the JSON body of a streamed chat completion."""
    data: dict[str, Any] = {
        "model": request.model,
        "messages": [
            {"role": "system", "content": _system(request, dialect)},
            {"role": "user", "content": request.user},
        ],
        "stream": True,
        dialect.limit_field: request.max_output_tokens,
    }
    if dialect.stream_usage:
        data["stream_options"] = {"include_usage": True}
    if request.json_schema is not None and dialect.json_mode is not JsonMode.WORDS:
        data["response_format"] = _response_format(request, dialect.json_mode)
    return json.dumps(data, separators=(",", ":")).encode()


def milder(dialect: Dialect, request: ChatRequest, complaint: bytes) -> Dialect | None:
    """Return the dialect to try after a 400 or 422, None when the refusal is about something else."""
    said = complaint.decode(errors="replace").lower()
    if request.json_schema is not None and dialect.json_mode in _WEAKER and any(word in said for word in _ABOUT_JSON):
        return replace(dialect, json_mode=_WEAKER[dialect.json_mode])
    if dialect.limit_field != _OTHER_LIMIT and _OTHER_LIMIT in said:
        return replace(dialect, limit_field=_OTHER_LIMIT)
    if dialect.stream_usage and "stream_options" in said:
        return replace(dialect, stream_usage=False)
    return None


def _system(request: ChatRequest, dialect: Dialect) -> str:
    if request.json_schema is None or dialect.json_mode is JsonMode.SCHEMA:
        return request.system
    return f"{request.system}\n\nYour answer must be valid against this JSON schema:\n{request.json_schema.text}"


def _response_format(request: ChatRequest, mode: JsonMode) -> dict[str, Any]:
    if mode is JsonMode.OBJECT or request.json_schema is None:
        return {"type": "json_object"}
    schema = {"name": request.json_schema.name, "schema": request.json_schema.schema, "strict": False}
    return {"type": "json_schema", "json_schema": schema}
