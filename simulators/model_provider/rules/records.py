"""The records in a tool's answer, as lines for people: `DEMO-1: Login fails (To Do)`."""

import json

from simulators.model_provider.json_value import Json, JsonObject, as_list, as_object
from simulators.model_provider.rules.words import short

_NAMES = ("key", "id", "number", "path")
_TITLES = ("summary", "title", "name", "subject", "message", "text")
_STATES = ("status", "state")
_MOST = 50
_DEPTH = 6
_LINE = 200


def records(text: str) -> list[str]:
    """Return a line for each object of the first list of objects in a JSON text; empty when there is none."""
    return [line for item in _first_list(text, 0)[:_MOST] if (line := _line(item))]


def _first_list(value: Json, depth: int) -> list[JsonObject]:
    if isinstance(value, str):
        value = _read(value)
    items, fields = as_list(value), as_object(value)
    if depth > _DEPTH:
        return []
    if items is not None:
        return [item for item in map(as_object, items) if item is not None]
    below = (_first_list(field, depth + 1) for field in (fields or {}).values())
    return next(filter(None, below), list[JsonObject]())


def _read(text: str) -> Json:
    """Return the JSON that a text is; servers wrap JSON as a text within JSON."""
    try:
        return json.loads(text) if text.lstrip().startswith(("{", "[")) else None
    except (ValueError, RecursionError):
        return None


def _line(item: JsonObject) -> str:
    name, title, state = (_told(item, keys) for keys in (_NAMES, _TITLES, _STATES))
    line = ": ".join(filter(None, (name, title)))
    return short(f"{line} ({state})" if state else line, _LINE)


def _told(item: JsonObject, keys: tuple[str, ...]) -> str:
    """Return the first of the fields that is there; of an object its name."""
    for key in keys:
        value = item.get(key)
        inner = as_object(value)
        if inner is not None:
            value = inner.get("name")
        if isinstance(value, str | int) and value != "":
            return str(value)
    return ""
