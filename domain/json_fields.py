"""Fields of a stranger's JSON: one of the wrong type is as good as missing."""

from typing import Any, TypeGuard, cast


def is_object(raw: object) -> TypeGuard[dict[str, Any]]:
    """Return whether a value is a JSON object."""
    return isinstance(raw, dict)


def object_of(raw: object) -> dict[str, Any]:
    """Return a JSON object, an empty one for anything else."""
    return cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}


def objects_of(raw: object) -> list[dict[str, Any]]:
    """Return the objects in a JSON array."""
    if not isinstance(raw, list):
        return []
    return [cast("dict[str, Any]", item) for item in cast("list[object]", raw) if isinstance(item, dict)]


def text_of(raw: object) -> str:
    """Return a text, an empty one for anything else."""
    return raw if isinstance(raw, str) else ""
