"""Asking in words for what a server does not take as a field."""

from collections.abc import Mapping
from typing import Any

from domain.json_fields import object_of
from services.llm.adapters.fields import list_of
from services.llm.chat import JsonSchema

ANY_JSON = "Your answer must be one JSON object, and nothing else."


def for_schema(schema: JsonSchema) -> str:
    """Return what to tell a model whose server takes no schema."""
    return f"Your answer must be valid against this JSON schema:\n{schema.text}"


def instructed(messages: object, words: str) -> list[Any]:
    """Return messages of the OpenAI API with words at the end of the first system message, made if there is none."""
    told = list_of(messages)
    first = object_of(told[0]) if told else {}
    if first.get("role") != "system":
        return [{"role": "system", "content": words}, *told]
    return [{**first, "content": _with(first, words)}, *told[1:]]


def _with(message: Mapping[str, Any], words: str) -> object:
    content = message.get("content")
    if isinstance(content, list):
        return [*list_of(message["content"]), {"type": "text", "text": words}]
    return f"{content}\n\n{words}"
