"""What the OpenAPI document says of routes whose bodies are the OpenAI API's: the fields that we act on."""

from typing import Any, Final

from api.gateway.asking import EXTENSION
from domain.gateway import CallOptions

_NUMBER: Final = {"type": "number", "minimum": 0}
_FLAG: Final = {"type": "boolean"}
_LONGHAUL: Final = {
    "type": "object",
    "additionalProperties": False,
    "description": "What is asked of the gateway; never relayed.",
    "properties": {
        "priority": {"type": "integer", "minimum": 1, "maximum": 5},
        "wait_s": {**_NUMBER, "maximum": 86_400},
        "wait_for_capacity": _FLAG,
        "timeout_s": {"type": "number", "exclusiveMinimum": 0, "maximum": 3600},
        "session": {"type": "string", "minLength": 1, "maxLength": 200},
        "resets": _FLAG,
        "async": _FLAG,
        "webhook": {
            "type": "object",
            "additionalProperties": False,
            "required": ["url"],
            "properties": {"url": {"type": "string", "minLength": 1, "maxLength": 2000}, "content": _FLAG},
        },
    },
}
_MODEL: Final = CallOptions.model_json_schema()["properties"]["model"]
_HEADERS: Final = {
    "Idempotency-Key": "The same key with the same body joins the running call or replays its answer.",
    "Last-Event-ID": "With the key: go on after this event of the stream.",
    "Cache-Control": "no-store, no-cache or max-age=N, where the route keeps answers.",
    "Prefer": "respond-async: the call is a job, answered with 202 and made when its turn comes.",
    "X-Longhaul-Wait": "Seconds to wait for capacity, or true.",
    "X-Longhaul-Session": "Calls of one session stay with one deployment.",
}


def body_of(properties: dict[str, Any], *, stream: bool = False) -> dict[str, Any]:
    """Return what a route's operation says of its request: these fields are needed, beside `model`."""
    more = {"stream": _FLAG} if stream else {}
    schema = {
        "type": "object",
        "required": ["model", *properties],
        "properties": {"model": _MODEL, **properties, **more, EXTENSION: _LONGHAUL},
        "additionalProperties": True,
    }
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "parameters": [
            {"name": name, "in": "header", "required": False, "description": said, "schema": {"type": "string"}}
            for name, said in _HEADERS.items()
        ],
    }


def answer(what: str, *, stream: bool = False) -> dict[int | str, dict[str, Any]]:
    """Return what a route's operation says of its answer. `stream`: it may come as events."""
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if stream:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    return {200: {"description": f"A {what} object of the OpenAI API.", "content": content}}
