"""What of a request a response gives back, and how its thinking is to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.gateway.responses.reading import THINKING

_DEFAULTS: Mapping[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "service_tier": None,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": None,
    "top_p": None,
    "user": None,
}


@dataclass(frozen=True)
class Shown:
    """`summary`: thinking is told as a summary; `kept_thinking`: it is given for the next call; `echo`: the request."""

    summary: bool
    kept_thinking: bool
    echo: Mapping[str, Any]


def shown_of(body: Mapping[str, Any]) -> Shown:
    """Return what a body that was read without complaint wants to see."""
    reasoning: Mapping[str, Any] = body.get("reasoning") or {}
    echo = {key: default if body.get(key) is None else body[key] for key, default in _DEFAULTS.items()}
    echo |= {"reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")}}
    echo |= {"background": False, "previous_response_id": None, "store": False, "truncation": "disabled"}
    summary = bool(reasoning.get("summary") or reasoning.get("generate_summary"))
    return Shown(summary, THINKING in (body.get("include") or ()), echo)
