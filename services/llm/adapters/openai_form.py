"""Chunks of the OpenAI API made from what other APIs say."""

from typing import Any


def piece(delta: dict[str, Any], *, index: int = 0) -> dict[str, Any]:
    """Return the chunk that adds `delta` to a choice."""
    return {"choices": [{"index": index, "delta": delta, "finish_reason": None}]}


def ending(finish_reason: str, native: str, *, index: int = 0, **more: Any) -> dict[str, Any]:
    """Return the chunk that ends a choice; `native`: the reason in the API's own words."""
    choice: dict[str, Any] = {
        "index": index,
        "delta": {},
        "finish_reason": finish_reason,
        "native_finish_reason": native,
    }
    return {"choices": [choice | more]}


def call_begun(place: int, call_id: str, name: str, arguments: str = "") -> dict[str, Any]:
    """Return a tool call's beginning, as an entry of a delta's `tool_calls`."""
    return {"index": place, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def call_goes_on(place: int, arguments: str) -> dict[str, Any]:
    """Return a further piece of a tool call's arguments."""
    return {"index": place, "function": {"arguments": arguments}}
