"""Messages of the OpenAI API as Anthropic's: system blocks apart, tool results in the user's turn."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from domain.errors import ModelRejected
from domain.json_fields import object_of, objects_of, text_of
from services.llm.adapters.conversation import INSTRUCTING, Part, Turn, arguments_of, merged, messages_of, parts_of
from services.llm.adapters.media import Media, media_in

_KEPT = ("cache_control", "citations", "title", "context")
"""Anthropic's own fields on a part."""


def conversation(body: Mapping[str, Any]) -> tuple[list[Part], list[dict[str, Any]]]:
    """Return the system blocks and the messages.

    Raises:
        ModelRejected: A message cannot be said in this API.
    """
    system: list[Part] = []
    turns: list[Turn] = []
    for message in messages_of(body):
        if message.get("role") in INSTRUCTING:
            system.extend(_blocks(message))
        else:
            turns.append(_turn(message))
    told = merged(turns)
    if not told:
        system, told = [], [("user", system)]
    return system, [{"role": role, "content": blocks} for role, blocks in told]


def _turn(message: Mapping[str, Any]) -> Turn:
    match message.get("role"):
        case "user":
            return "user", _blocks(message)
        case "assistant":
            return "assistant", [*_thoughts(message), *_blocks(message), *_calls(message)]
        case "tool":
            return "user", [_result(message)]
        case _:
            raise ModelRejected("a message has a role that is not known here")


def _blocks(message: Mapping[str, Any]) -> list[Part]:
    blocks = [_block(part) for part in parts_of(message)]
    if blocks and "cache_control" in message:
        blocks[-1] = {**blocks[-1], "cache_control": message["cache_control"]}
    return blocks


def _block(part: Part) -> Part:
    kept = {name: part[name] for name in _KEPT if name in part}
    if part.get("type") in ("text", "refusal"):
        return {"type": "text", "text": text_of(part.get("text") or part.get("refusal")), **kept}
    media = media_in(part)
    if media is None:
        return part  # a block of Anthropic's own
    if part["type"] == "input_audio":
        raise ModelRejected("Anthropic's API takes no sound")
    if part["type"] == "image_url":
        return {"type": "image", "source": _image_source(media), **kept}
    named = {"title": media.name} if media.name else {}
    return {"type": "document", "source": _document_source(media), **named, **kept}


def _image_source(media: Media) -> dict[str, str]:
    if media.url:
        return {"type": "url", "url": media.url}
    mime = "image/jpeg" if media.mime == "image/jpg" else media.mime
    return {"type": "base64", "media_type": mime, "data": media.data}


def _document_source(media: Media) -> dict[str, str]:
    if media.file_id:
        return {"type": "file", "file_id": media.file_id}
    if media.url:
        return {"type": "url", "url": media.url}
    if media.mime == "application/pdf":
        return {"type": "base64", "media_type": media.mime, "data": media.data}
    if not media.mime.startswith("text/"):
        raise ModelRejected("Anthropic's API takes PDF and text files only")
    try:
        text = b64decode(media.data, validate=True).decode()
    except (binascii.Error, ValueError):
        raise ModelRejected("a text file in a message is not base64 of UTF-8") from None
    return {"type": "text", "media_type": "text/plain", "data": text}


def _thoughts(message: Mapping[str, Any]) -> list[Part]:
    """Return the thinking of an earlier answer, as our chunks told it: signed, so that the API takes it back."""
    blocks = objects_of(message.get("thinking_blocks"))
    return [{key: value for key, value in block.items() if key != "index"} for block in blocks]


def _calls(message: Mapping[str, Any]) -> list[Part]:
    return [
        {
            "type": "tool_use",
            "id": text_of(call.get("id")),
            "name": text_of(object_of(call.get("function")).get("name")),
            "input": arguments_of(call),
        }
        for call in objects_of(message.get("tool_calls"))
    ]


def _result(message: Mapping[str, Any]) -> Part:
    kept = {name: message[name] for name in ("cache_control", "is_error") if name in message}
    content = message.get("content")
    said = content if isinstance(content, str) else [_block(part) for part in parts_of(message)]
    return {"type": "tool_result", "tool_use_id": text_of(message.get("tool_call_id")), "content": said, **kept}
