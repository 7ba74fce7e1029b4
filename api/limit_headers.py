"""How a caller's limits stand, as headers: OpenAI's form, Anthropic's, and the IETF's draft.

What a call was told when it was let in, or refused, is kept for as long as its task runs, for whichever door answers.
"""

import math
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import timedelta
from typing import Final

from domain.caller_limits import LimitKind, LimitReached, LimitState, Standing, duration, policies

_WINDOWED: Final = (LimitKind.REQUESTS, LimitKind.TOKENS)
_standing: ContextVar[Standing | None] = ContextVar("caller_standing", default=None)


def note(standing: Standing | None) -> None:
    """Keep how the caller's limits stood when this task's call was let in; None: it has none."""
    _standing.set(standing)


def openai_headers() -> dict[str, str]:
    """Return `x-ratelimit-…` for this task's call: of each kind the tightest limit of key, user and tenant."""
    told: dict[str, str] = {}
    for kind, limit in _tightest(_standing.get()).items():
        told |= {
            f"x-ratelimit-limit-{kind}": str(limit.amount),
            f"x-ratelimit-remaining-{kind}": str(limit.remaining),
            f"x-ratelimit-reset-{kind}": duration(limit.reset_s),
        }
    return told


def anthropic_headers() -> dict[str, str]:
    """Return `anthropic-ratelimit-…`, as `openai_headers`; a reset is a moment."""
    standing = _standing.get()
    told: dict[str, str] = {}
    for kind, limit in _tightest(standing).items():
        told |= {
            f"anthropic-ratelimit-{kind}-limit": str(limit.amount),
            f"anthropic-ratelimit-{kind}-remaining": str(limit.remaining),
        }
        if standing is not None:
            reset = standing.at + timedelta(seconds=math.ceil(limit.reset_s))
            told[f"anthropic-ratelimit-{kind}-reset"] = reset.strftime("%Y-%m-%dT%H:%M:%SZ")
    return told


def refusal_headers(error: LimitReached) -> dict[str, str]:
    """Return what a 429 tells: when to ask again, and how the limits stand."""
    told = {
        "Retry-After": str(max(1, math.ceil(error.retry_after_s))),
        "Retry-After-Ms": str(max(1, math.ceil(error.retry_after_s * 1000))),
    }
    if not error.waiting_helps:
        told["x-should-retry"] = "false"  # OpenAI's and Anthropic's clients heed it
    if error.of_call:
        return told | openai_headers()
    policy, state = policies(error.standing.limits)
    return told | ({"RateLimit-Policy": policy, "RateLimit": state} if policy else {})


def _tightest(standing: Standing | None) -> Mapping[LimitKind, LimitState]:
    if standing is None:
        return {}
    found = {kind: standing.tightest(kind) for kind in _WINDOWED}
    return {kind: limit for kind, limit in found.items() if limit is not None}
