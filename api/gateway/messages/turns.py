"""One turn of Anthropic's Messages API as messages of the OpenAI API: results of tools become messages of their own."""

import json
from typing import Any

from api.gateway.fields import Fields
from api.gateway.messages.parts import part, text_part

_THINKING = ("thinking", "redacted_thinking")
_ROLES = ("user", "assistant", "system")

Message = dict[str, Any]


def turn(asked: Fields) -> list[Message]:
    """Return a turn's messages, in the order that the OpenAI API wants: a tool's results before what else is said.

    Raises:
        BadField: Its role or a block in it cannot be used.
    """
    role = asked.choice("role", *_ROLES)
    if isinstance(asked.required("content"), str):
        return [{"role": role, "content": asked.text("content")}]
    if role == "system":
        return [{"role": role, "content": content_of_texts(asked, "content")}]
    blocks = asked.objects("content")
    return [_assistant(blocks)] if role == "assistant" else _user(asked, blocks)


def content_of_texts(asked: Fields, key: str) -> str | list[Message]:
    """Return a content that is a text or blocks of text."""
    if isinstance(asked.values[key], str):
        return asked.text(key)
    blocks = asked.objects(key)
    for block in blocks:
        block.choice("type", "text")
    return content([text_part(block) for block in blocks])


def content(parts: list[Message]) -> str | list[Message]:
    """Return parts as the shortest content that says them: one plain text needs no list."""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        return str(parts[0]["text"])
    return parts


def _user(asked: Fields, blocks: list[Fields]) -> list[Message]:
    if not blocks:
        raise asked.bad("content", "must have at least one block")
    results = [_result(block) for block in blocks if block.text("type") == "tool_result"]
    parts = [part(block) for block in blocks if block.text("type") != "tool_result"]
    return [*results, {"role": "user", "content": content(parts)}] if parts else results


def _result(block: Fields) -> Message:
    message: Message = {"role": "tool", "tool_call_id": block.text("tool_use_id")}
    said = block.values.get("content")
    if said is None or isinstance(said, str):
        message["content"] = said or ""
    else:
        message["content"] = content([part(inner) for inner in block.objects("content")])
    return {**message, **block.rest("type", "tool_use_id", "content")}


def _assistant(blocks: list[Fields]) -> Message:
    """Return what the model said: thinking and calls of tools stand beside the content.

    Thinking without a seal is no work of Anthropic's models, and they would refuse it: it goes on as a text.
    """
    thoughts = [block for block in blocks if block.text("type") in _THINKING]
    thinking = [dict(block.values) for block in thoughts if block.has("data") or block.values.get("signature")]
    reasoning = "".join(block.text("thinking") for block in thoughts if dict(block.values) not in thinking)
    calls = [_call(block) for block in blocks if block.text("type") == "tool_use"]
    said = [part(block) for block in blocks if block.text("type") not in (*_THINKING, "tool_use")]
    message: Message = {"role": "assistant", "content": content(said) if said else None}
    if thinking:
        message["thinking_blocks"] = thinking
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = calls
    if not said and not calls:
        message["content"] = ""
    return message


def _call(block: Fields) -> Message:
    arguments = Fields.of(block.required("input"), block.at("input")).values
    written = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    call: Message = {
        "id": block.text("id"),
        "type": "function",
        "function": {"name": block.text("name"), "arguments": written},
    }
    return {**call, **block.rest("type", "id", "name", "input")}
