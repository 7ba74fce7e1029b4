"""What an answer's headers tell of its account's limits. Pure, and lenient: what cannot be read or true is left out.

OpenAI's form: `x-ratelimit-limit-requests: 60`, `x-ratelimit-remaining-requests: 59`, `x-ratelimit-reset-requests: 1s`
(also `6m0s`, `250ms`, a number of seconds). Anthropic's: `anthropic-ratelimit-requests-limit`, `…-remaining`, and
`…-reset`, an ISO date; its `input-tokens` and `output-tokens` tell when they are spent, but limit what ours do not.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.model_pool import LimitKind

WINDOW_S = 60.0
"""The providers' limits are by the minute. Where one means another window, it says so by refusing."""
MOST = 10**12
"""A larger limit is none."""
LONGEST_RESET_S = 600.0
"""For a longer time nobody's word is taken; the account is asked again then."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s|us|µs)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6}
_COUNTED = {"requests": LimitKind.REQUESTS, "tokens": LimitKind.TOKENS}
_NAMES = (
    *((kind, "x-ratelimit-{part}-" + name) for name, kind in _COUNTED.items()),
    *((kind, f"anthropic-ratelimit-{name}-{{part}}") for name, kind in _COUNTED.items()),
    *((None, f"anthropic-ratelimit-{name}-{{part}}") for name in ("input-tokens", "output-tokens")),
)


@dataclass(frozen=True)
class ToldLimit:
    """One limit as told. `kind` None: it counts what ours do not; `reset_s`: seconds until it is as at first."""

    kind: LimitKind | None
    amount: int | None
    remaining: int | None
    reset_s: float | None


def told_limits(headers: Mapping[str, str], now: datetime) -> tuple[ToldLimit, ...]:
    """Return the limits that an answer tells of; header names are lower-case."""
    found: list[ToldLimit] = []
    for kind, pattern in _NAMES:
        amount = _amount(headers.get(pattern.format(part="limit")))
        remaining = _count(headers.get(pattern.format(part="remaining")))
        reset_s = _seconds(headers.get(pattern.format(part="reset")), now)
        if amount is not None or remaining is not None:
            found.append(ToldLimit(kind, amount, remaining, reset_s))
    return tuple(found)


def rest_s(limits: tuple[ToldLimit, ...]) -> float | None:
    """Return for how long nothing is left of one of the limits; None: of all something is."""
    spent = [limit.reset_s for limit in limits if limit.remaining == 0 and limit.reset_s]
    return max(spent, default=None)


def _amount(value: str | None) -> int | None:
    return _count(value) or None


def _count(value: str | None) -> int | None:
    try:
        number = float((value or "").strip())
    except ValueError:
        return None
    return int(number) if math.isfinite(number) and 0 <= number <= MOST else None


def _seconds(value: str | None, now: datetime) -> float | None:
    """Return a time that is given as a duration, a number of seconds, or a date."""
    text = (value or "").strip().lower()
    seconds = _number(text)
    if seconds is None:
        seconds = _duration(text)
    if seconds is None:
        seconds = _until(text, now)
    if seconds is None or not math.isfinite(seconds) or seconds <= 0:
        return None
    return min(seconds, LONGEST_RESET_S)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _duration(text: str) -> float | None:
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _until(text: str, now: datetime) -> float | None:
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
