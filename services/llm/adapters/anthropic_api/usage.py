"""Token counts of Anthropic's API: its `input_tokens` leave out what was read from the cache or written to it."""

from collections.abc import Mapping
from typing import Any

from domain.budget import Usage
from domain.json_fields import object_of
from services.llm.adapters.fields import count_of


def read_usage(told: Mapping[str, Any]) -> Usage | None:
    """Return a usage as the API tells it, None when it is none or cannot be true."""
    fresh, made = count_of(told.get("input_tokens")), count_of(told.get("output_tokens"))
    read, written = _or_none(told, "cache_read_input_tokens"), _or_none(told, "cache_creation_input_tokens")
    if fresh is None or made is None or read is None or written is None:
        return None
    thought = count_of(object_of(told.get("output_tokens_details")).get("thinking_tokens")) or 0
    return Usage(
        input_tokens=fresh + read + written,
        cached_tokens=read,
        output_tokens=made,
        reasoning_tokens=min(thought, made),
    )


def _or_none(told: Mapping[str, Any], name: str) -> int | None:
    """Return a count that may be missing, None when it is nonsense."""
    raw = told.get(name)
    return 0 if raw is None else count_of(raw)
