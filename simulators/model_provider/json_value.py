"""The type of what comes from, or goes to, a JSON text; each reader checks what it needs."""

from typing import Any, cast

Json = Any
"""None, bool, int, float, str, list or dict."""

JsonObject = dict[str, Any]


def as_object(value: Json) -> JsonObject | None:
    """Return the value if it is an object."""
    return cast("JsonObject", value) if isinstance(value, dict) else None


def as_list(value: Json) -> list[Json] | None:
    """Return the value if it is an array; a tuple counts as one."""
    return list(cast("list[Json]", value)) if isinstance(value, list | tuple) else None
