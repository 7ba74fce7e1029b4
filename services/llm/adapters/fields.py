"""Lists and counts of a stranger's JSON, as `domain.json_fields` has objects and texts: a wrong type is no value."""

from typing import Any, TypeGuard

MOST_TOKENS = 10**12
"""More than this nobody counts."""


def is_list(raw: object) -> TypeGuard[list[Any]]:
    """Return whether a value is a JSON array."""
    return isinstance(raw, list)


def list_of(raw: object) -> list[Any]:
    """Return a JSON array, an empty one for anything else."""
    return raw if is_list(raw) else []


def texts_of(raw: object) -> list[str]:
    """Return the texts in a JSON array, or the one that stands in its place."""
    return [item for item in ([raw] if isinstance(raw, str) else list_of(raw)) if isinstance(item, str)]


def count_of(raw: object) -> int | None:
    """Return a count of tokens, None for what can be none: negative, absurdly many, a truth value, a float."""
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= MOST_TOKENS else None
