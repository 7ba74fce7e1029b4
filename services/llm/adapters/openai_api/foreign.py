"""What a conversation has in it from answers of other APIs, for servers that refuse fields they do not know."""

from collections.abc import Mapping
from typing import Any

from domain.json_fields import object_of, objects_of
from services.llm.adapters.fields import is_list

FOREIGN = frozenset(
    {"anthropic_blocks", "cache_control", "extra_content", "gemini_parts", "reasoning_content", "thinking_blocks"}
)
"""Fields of messages, their parts and their calls, and of tools."""


def without_foreign(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body whose messages and tools have no foreign fields."""
    messages = [_message(message) for message in objects_of(body.get("messages"))]
    tools = {"tools": [_without(tool) for tool in objects_of(body["tools"])]} if "tools" in body else {}
    return {**body, "messages": messages, **tools}


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    told = _without(message)
    for name in ("content", "tool_calls"):
        if is_list(told.get(name)):
            told[name] = [_without(object_of(part)) for part in told[name]]
    return told


def _without(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in FOREIGN}
