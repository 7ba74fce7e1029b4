"""The result cache's two decisions: which calls ask the same, and which answers are fit to be given again."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from domain.gateway import CallOutcome

FORMAT = 1
"""Raised when kept answers change their form: those of an older build are then not found."""

NOT_ASKED = frozenset(
    {
        *("stream", "stream_options"),  # how the answer is delivered; any kept one can be told either way
        *("longhaul", "async"),  # what is asked of us, not of the model: priority, waiting, webhook, …
        *("user", "safety_identifier", "metadata"),  # for whom the provider's books are kept
        *("store", "prompt_cache_key", "prompt_cache_retention"),  # what the provider keeps, and where
    }
)
"""Fields of a body that do not change what is answered. All others do, those of sampling and unknown ones too."""

_WHOLE = frozenset({None, "stop", "tool_calls", "function_call"})


def cache_key(endpoint: str, route: str, body: Mapping[str, Any]) -> str:
    """Return under which key the answer to a call is kept: SHA-256 in hex of its canonical JSON.

    Two bodies have one key when they are the same but for `NOT_ASKED`, the order of members, and how numbers are
    spelled (1.0 is 1).

    Args:
        endpoint: What kind of call it is (`domain.model_pool.Endpoint`).
        route: The route that answers it, with its version.
        body: JSON of the OpenAI API.
    """
    asked = {name: value for name, value in body.items() if name not in NOT_ASKED}
    plain = json.loads(json.dumps([FORMAT, endpoint, route, asked]), parse_float=_number)
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def is_fit(outcome: CallOutcome) -> bool:
    """Whether an answer may be given again: whole, and neither failed, nor cut short, nor refused.

    No `finish_reason` at all is fit: embeddings have none.
    """
    whole = outcome.phase == "done" and outcome.answer is not None and outcome.error is None
    return whole and not outcome.refused and outcome.finish_reason in _WHOLE


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value
