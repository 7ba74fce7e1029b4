"""JSON Schemas made short enough to show to a model: first without words, then types only, at last not at all."""

import json
from collections.abc import Collection, Mapping
from typing import Any, cast

WORDS = frozenset({"title", "description", "default", "examples", "$comment", "$schema", "$id"})
"""Keywords that no value is checked by."""
DEPTH_LIMIT = 40
"""Levels that are kept; what lies deeper may be anything."""

_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose keys are names of the schema's own, no keywords."""
_TYPES = ("type", "enum")


def without(schema: Mapping[str, Any], keywords: Collection[str], depth: int = 0) -> dict[str, Any]:
    """Return a schema without some keywords, at every level; properties of the same names stay."""
    if depth > DEPTH_LIMIT:
        return {}
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _NAMED and isinstance(value, dict):
            named = cast("dict[str, Any]", value)
            result[key] = {name: _without(field, keywords, depth + 2) for name, field in named.items()}
        elif key not in keywords:
            result[key] = _without(value, keywords, depth + 1)
    return result


def _without(value: object, keywords: Collection[str], depth: int) -> object:
    if isinstance(value, dict):
        return without(cast("dict[str, Any]", value), keywords, depth)
    if isinstance(value, list):
        items = cast("list[object]", value)
        return [_without(item, keywords, depth + 1) for item in items] if depth <= DEPTH_LIMIT else []
    return value


def within(schema: Mapping[str, Any], limit: int) -> dict[str, Any] | None:
    """Return the schema, or the longest of its shorter forms, that has at most `limit` bytes of JSON.

    The forms: whole; without words; the types of the properties; the types of the required ones; None.
    """
    for form in (_whole, _wordless, _typed, _required):
        shown = form(schema)
        if size(shown) <= limit:
            return shown
    return None


def size(schema: Mapping[str, Any]) -> int:
    """Return how many bytes of JSON a schema has."""
    return len(json.dumps(schema, ensure_ascii=False).encode(errors="replace"))


def _whole(schema: Mapping[str, Any]) -> dict[str, Any]:
    return without(schema, ())


def _wordless(schema: Mapping[str, Any]) -> dict[str, Any]:
    return without(schema, WORDS)


def _typed(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    fields = cast("dict[str, Any]", properties) if isinstance(properties, dict) else {}
    return {
        "type": "object",
        "properties": {name: _type(field) for name, field in fields.items()},
        "required": list(_names(schema)),
    }


def _required(schema: Mapping[str, Any]) -> dict[str, Any]:
    typed, names = _typed(schema), _names(schema)
    return typed | {"properties": {name: field for name, field in typed["properties"].items() if name in names}}


def _names(schema: Mapping[str, Any]) -> tuple[str, ...]:
    required = schema.get("required")
    return tuple(str(name) for name in cast("list[object]", required)) if isinstance(required, list) else ()


def _type(field: object) -> dict[str, Any]:
    if not isinstance(field, dict):
        return {}
    keywords = cast("dict[str, Any]", field)
    return {key: keywords[key] for key in _TYPES if key in keywords and isinstance(keywords[key], str | list)}
