"""A chat's request as a given server takes it: what it holds, and what to leave out when refused."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from services.llm.adapters.concessions import Concession
from services.llm.adapters.instructions import for_schema, instructed
from services.llm.adapters.openai_api.foreign import FOREIGN, without_foreign
from services.llm.adapters.strict_json import write_json
from services.llm.chat import ChatRequest, JsonSchema

NOT_RELAYED = frozenset(
    {"model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "anthropic", "gemini"}
)
"""Fields of the body that are ours to set, and those for servers of another API."""


class JsonMode(StrEnum):
    """How structured output is asked for, the strictest first."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a server takes.

    Attributes:
        limit_field: The field that bounds the answer's tokens.
        foreign: It passes over what other APIs' answers have left in the conversation.
    """

    json_mode: JsonMode = JsonMode.SCHEMA
    limit_field: str = "max_tokens"
    stream_usage: bool = True
    foreign: bool = True


_WEAKER = {JsonMode.SCHEMA: JsonMode.OBJECT, JsonMode.OBJECT: JsonMode.WORDS}
_ABOUT_JSON = ("response_format", "json_schema", "json_object", "json schema", "structured output", "grammar")
_OTHER_LIMIT = "max_completion_tokens"


def body(request: ChatRequest, terms: Terms) -> bytes:
    """Return the JSON body of a streamed chat completion: the caller's own, with what is ours to set.

    Raises:
        ModelRejected: It cannot be written as JSON.
    """
    theirs = request.body if terms.foreign else without_foreign(request.body)
    data: dict[str, Any] = {key: value for key, value in theirs.items() if key not in NOT_RELAYED}
    data |= {"model": request.model, "stream": True}
    if request.max_output_tokens is not None:
        data[terms.limit_field] = request.max_output_tokens
    if terms.stream_usage:
        data["stream_options"] = {"include_usage": True}
    if request.json_schema is not None:
        data |= _json_fields(request.json_schema, terms.json_mode, data.get("messages"))
    return write_json(data)


def milder(request: ChatRequest, terms: Terms, complaint: bytes) -> Concession[Terms] | None:
    """Return the terms to try after a refusal, None when it is about something else.

    Structured output is weakened for tasks of our own only: a caller who asked for a schema is told that there is none.
    """
    said = complaint.decode(errors="replace").lower()
    if request.json_schema is not None and terms.json_mode in _WEAKER and any(word in said for word in _ABOUT_JSON):
        return Concession(replace(terms, json_mode=_WEAKER[terms.json_mode]))
    if request.max_output_tokens is not None and terms.limit_field != _OTHER_LIMIT and _OTHER_LIMIT in said:
        return Concession(replace(terms, limit_field=_OTHER_LIMIT))
    if terms.stream_usage and "stream_options" in said:
        return Concession(replace(terms, stream_usage=False))
    if terms.foreign and any(name in said for name in FOREIGN):
        return Concession(replace(terms, foreign=False))
    return None


def _json_fields(asked: JsonSchema, mode: JsonMode, messages: object) -> dict[str, Any]:
    if mode is JsonMode.SCHEMA:
        schema = {"name": asked.name, "schema": asked.schema, "strict": False}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    fields: dict[str, Any] = {"messages": instructed(messages, for_schema(asked))}
    return fields if mode is JsonMode.WORDS else fields | {"response_format": {"type": "json_object"}}
