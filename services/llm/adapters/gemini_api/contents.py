"""Messages of the OpenAI API as Gemini's contents: instructions apart, calls and their results by name."""

import json
from collections.abc import Mapping
from typing import Any, cast

from domain.errors import ModelRejected
from domain.json_fields import object_of, objects_of, text_of
from services.llm.adapters.conversation import (
    INSTRUCTING,
    Part,
    Turn,
    arguments_of,
    merged,
    messages_of,
    parts_of,
    text_in,
)
from services.llm.adapters.media import Media, media_in

UNSIGNED = "skip_thought_signature_validator"
"""What the API takes for the signature of a call that it did not make (Gemini API, "Thought signatures")."""


def contents(body: Mapping[str, Any], *, sign: bool = False) -> tuple[list[Part], list[dict[str, Any]]]:
    """Return the parts of the system's instruction, and the contents.

    Args:
        body: The OpenAI API's.
        sign: Put `UNSIGNED` on calls that no signature came with.

    Raises:
        ModelRejected: A message cannot be said in this API.
    """
    system: list[Part] = []
    turns: list[Turn] = []
    names: dict[str, str] = {}
    for message in messages_of(body):
        if message.get("role") in INSTRUCTING:
            system.extend(_part(part) for part in parts_of(message))
        else:
            turns.append(_turn(message, names, sign=sign))
    told = merged(turns)
    if not told:
        system, told = [], [("user", system)]
    return system, [{"role": role, "parts": parts} for role, parts in told]


def signature_in(said: Mapping[str, Any]) -> dict[str, str]:
    """Return the signature that our chunks put on a message or call, as a part has it."""
    google = object_of(object_of(said.get("extra_content")).get("google"))
    signature = text_of(google.get("thought_signature"))
    return {"thoughtSignature": signature} if signature else {}


def _turn(message: Mapping[str, Any], names: dict[str, str], *, sign: bool) -> Turn:
    match message.get("role"):
        case "user":
            return "user", [_part(part) for part in parts_of(message)]
        case "assistant":
            return "model", [*_said(message), *_calls(message, names, sign=sign)]
        case "tool":
            return "user", [_result(message, names)]
        case _:
            raise ModelRejected("a message has a role that is not known here")


def _part(part: Part) -> Part:
    if part.get("type") in ("text", "refusal"):
        return {"text": text_of(part.get("text") or part.get("refusal"))}
    media = media_in(part)
    if media is None:
        return part  # a part of Gemini's own
    return _media(media)


def _media(media: Media) -> Part:
    if media.data:
        return {"inlineData": {"mimeType": media.mime, "data": media.data}}
    uri = media.url or media.file_id
    return {"fileData": {"fileUri": uri, **({"mimeType": media.mime} if media.mime else {})}}


def _said(message: Mapping[str, Any]) -> list[Part]:
    parts = [_part(part) for part in parts_of(message)]
    signature = signature_in(message)
    if not signature:
        return parts
    return [*parts[:-1], {**parts[-1], **signature}] if parts else [{"text": "", **signature}]


def _calls(message: Mapping[str, Any], names: dict[str, str], *, sign: bool) -> list[Part]:
    parts: list[Part] = []
    for call in objects_of(message.get("tool_calls")):
        call_id, name = text_of(call.get("id")), text_of(object_of(call.get("function")).get("name"))
        names[call_id] = name
        signature = signature_in(call) or ({"thoughtSignature": UNSIGNED} if sign and not parts else {})
        parts.append({"functionCall": {"id": call_id, "name": name, "args": arguments_of(call)}, **signature})
    return parts


def _result(message: Mapping[str, Any], names: Mapping[str, str]) -> Part:
    call_id = text_of(message.get("tool_call_id"))
    name = names.get(call_id) or text_of(message.get("name"))
    if not name:
        raise ModelRejected("a tool message answers a call that no message before it makes")
    said = text_in(parts_of(message))
    return {"functionResponse": {"id": call_id, "name": name, "response": _response(said)}}


def _response(said: str) -> dict[str, Any]:
    """Return a result as the object that the API wants."""
    try:
        data: object = json.loads(said)
    except (ValueError, RecursionError):
        return {"result": said}
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {"result": data}
