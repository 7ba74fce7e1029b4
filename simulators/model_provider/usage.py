"""What a call used, and the ways in which a fault tells it wrongly, in whatever words a dialect has for it."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

from simulators.model_provider.json_value import Json, JsonObject, as_list, as_object

_HUGE = 10**12


class Usage(NamedTuple):
    """Tokens used.

    Attributes:
        prompt: All of the request, cached or not.
        completion: All of the answer, reasoning included.
        cached: Those of `prompt` that were read from a cache.
        cache_written: Those of `prompt` that were written to one.
        reasoning: Those of `completion` that were thought, not said.
    """

    prompt: int
    completion: int
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        """All tokens."""
        return self.prompt + self.completion


class WrongUsage(StrEnum):
    """How usage can be told wrongly."""

    MISSING = "missing"
    NULL = "null"
    NEGATIVE = "negative"
    HUGE = "huge"
    ZERO = "zero"
    TEXT = "text"
    """Numbers as strings."""
    FRACTION = "fraction"
    """Numbers with a fraction."""
    LIST = "list"
    """An array where an object is expected."""


Spoilt = WrongUsage | JsonObject | None
"""A way, or the object that is told instead; None: usage is told as it is."""

_NUMBERS: dict[WrongUsage, Usage] = {
    WrongUsage.NEGATIVE: Usage(-1, -1),
    WrongUsage.HUGE: Usage(_HUGE, _HUGE),
    WrongUsage.ZERO: Usage(0, 0),
}
_LEAVES: dict[WrongUsage, Callable[[float], Json]] = {
    WrongUsage.TEXT: str,
    WrongUsage.FRACTION: lambda number: number + 0.5,
}


def tell(field: str, usage: Usage, spoilt: Spoilt, word: Callable[[Usage], JsonObject]) -> JsonObject:
    """Return `{field: usage as a dialect words it}`, or what a fault makes of it: `{}` when it is left out."""
    if spoilt is None:
        return {field: word(usage)}
    if not isinstance(spoilt, WrongUsage):
        return {field: spoilt}
    if spoilt is WrongUsage.MISSING:
        return {}
    if spoilt is WrongUsage.NULL:
        return {field: None}
    if spoilt is WrongUsage.LIST:
        return {field: [word(usage)]}
    told = word(_NUMBERS.get(spoilt, usage))
    return {field: _mapped(told, _LEAVES[spoilt]) if spoilt in _LEAVES else told}


def _mapped(value: Json, change: Callable[[float], Json]) -> Any:
    fields = as_object(value)
    if fields is not None:
        return {name: _mapped(item, change) for name, item in fields.items()}
    items = as_list(value)
    if items is not None:
        return [_mapped(item, change) for item in items]
    return change(value) if isinstance(value, int) else value


def in_openai_words(usage: Usage) -> JsonObject:
    """Return usage as the OpenAI API words it; the log of calls does so too."""
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
