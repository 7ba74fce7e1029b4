"""The messages of the OpenAI API as other APIs want them: instructions apart, and turns that alternate."""

import json
from collections.abc import Mapping
from typing import Any, cast

from domain.errors import ModelRejected
from domain.json_fields import object_of, objects_of, text_of

Part = dict[str, Any]
Turn = tuple[str, list[Part]]
"""A role and its parts."""

INSTRUCTING = frozenset({"system", "developer"})


def messages_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a body's messages.

    Raises:
        ModelRejected: They are no list of objects.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ModelRejected("messages must be a list with a message in it")
    found = objects_of(cast("list[object]", messages))
    if len(found) != len(cast("list[object]", messages)):
        raise ModelRejected("a message must be an object")
    return found


def parts_of(message: Mapping[str, Any]) -> list[Part]:
    """Return a message's content as parts; texts that are empty are left out.

    Raises:
        ModelRejected: It is neither a text nor a list of parts.
    """
    content = message.get("content")
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if not isinstance(content, list):
        raise ModelRejected("a message's content must be a text or a list of parts")
    parts = objects_of(cast("list[object]", content))
    return [part for part in parts if part.get("type") != "text" or part.get("text")]


def merged(turns: list[Turn]) -> list[Turn]:
    """Return turns in which no role comes twice in a row; empty ones are left out."""
    told: list[Turn] = []
    for role, parts in turns:
        if not parts:
            continue
        if told and told[-1][0] == role:
            told[-1][1].extend(parts)
        else:
            told.append((role, list(parts)))
    return told


def text_in(parts: list[Part]) -> str:
    """Return the texts among parts, one below the other."""
    return "\n".join(text_of(part.get("text")) for part in parts if part.get("type") in ("text", "refusal"))


def arguments_of(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tool call's arguments as the object that other APIs want; what is none is wrapped in one."""
    said = text_of(object_of(call.get("function")).get("arguments"))
    if not said.strip():
        return {}
    try:
        data = json.loads(said)
    except (ValueError, RecursionError):
        data = None
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {"arguments": said}


def refuse_functions(body: Mapping[str, Any], api: str) -> None:
    """Raise ModelRejected for the forerunner of tools: its answers have a form that nobody translates into."""
    if body.get("functions"):
        raise ModelRejected(f"{api} takes no functions; give tools")
