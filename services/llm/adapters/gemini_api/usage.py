"""Token counts of the Gemini API: `promptTokenCount` has the cached tokens in it, thoughts stand beside the answer."""

from domain.budget import Usage
from domain.json_fields import object_of
from services.llm.adapters.fields import count_of


def read_usage(raw: object) -> Usage | None:
    """Return a usage as the API tells it, None when it is none or cannot be true. Counts are cumulative."""
    told = object_of(raw)
    counts = [_or_none(told.get(name)) for name in _COUNTS]
    if told.get("promptTokenCount") is None or any(count is None for count in counts):
        return None
    given, by_tools, cached, said, thought = (count or 0 for count in counts)
    return Usage(
        input_tokens=given + by_tools,
        cached_tokens=min(cached, given),
        output_tokens=said + thought,
        reasoning_tokens=thought,
    )


def _or_none(raw: object) -> int | None:
    """Return a count that may be missing, None when it is nonsense."""
    return 0 if raw is None else count_of(raw)


_COUNTS = (
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "cachedContentTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
)
