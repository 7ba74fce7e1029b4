"""Usage as the OpenAI API tells it."""

from typing import Any

from domain.budget import Usage


def usage_of(usage: Usage) -> dict[str, Any]:
    """Return the usage object of a completion."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
