"""Limits of callers: how often, how much and how many at once a key, a user and a tenant may ask. And how they stand.

A caller is subject to the limits of its tenant, its user and its key; all hold. Times are the database's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from pydantic import Field, model_validator

from domain.caller import Caller
from domain.caller_errors import RateLimited
from domain.value import Value

MOST: Final = 10**12
LONGEST_WINDOW_S: Final = 31 * 86_400
PER_SUBJECT: Final = 12
"""Limits that one key, user or tenant may have."""

_SECOND_MS: Final = 1000
_MINUTE: Final = 60
_NAMES: Final = {1: "second", _MINUTE: "minute", 3600: "hour", 86_400: "day"}


class LimitKind(StrEnum):
    """What is limited. `tokens`: those of the input and of the output of models."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    CONCURRENCY = "concurrency"


class SubjectKind(StrEnum):
    """Whose limit it is."""

    TENANT = "tenant"
    USER = "user"
    KEY = "key"


class LimitTerms(Value):
    """At most `amount` in any window of `window_s` seconds; of concurrency, at any time (`window_s` 0). 0: nothing."""

    kind: LimitKind
    amount: int = Field(ge=0, le=MOST, strict=True)
    window_s: int = Field(default=0, ge=0, le=LONGEST_WINDOW_S, strict=True)

    @model_validator(mode="after")
    def _window_fits(self) -> Self:
        if (self.kind is LimitKind.CONCURRENCY) != (self.window_s == 0):
            raise ValueError("a limit of concurrency has no window, and every other has one")
        return self


def subjects_of(caller: Caller) -> tuple[str, ...]:
    """Return whose limits a caller is subject to, in the order in which they are locked."""
    subjects = (f"{SubjectKind.TENANT}:{caller.tenant}", f"{SubjectKind.USER}:{caller.owner}")
    return subjects if caller.key_id is None else (*subjects, f"{SubjectKind.KEY}:{caller.key_id}")


@dataclass(frozen=True)
class LimitState:
    """How one limit stands.

    Attributes:
        used: Of its amount; more than that only where a call used more than it had reserved.
        reset_s: Seconds until all that was used has left the window; of concurrency 0.
        retry_s: Seconds until what was refused has room; None: it has.
    """

    id: str
    subject: str
    kind: LimitKind
    window_s: int
    amount: int
    used: int
    reset_s: float = 0.0
    retry_s: float | None = None

    @property
    def remaining(self) -> int:
        """What is left of it."""
        return max(self.amount - self.used, 0)

    @property
    def name(self) -> str:
        """How people call it."""
        whose = self.subject.partition(":")[0]
        if self.kind is LimitKind.CONCURRENCY:
            return f"concurrent calls of the {whose}"
        window = _NAMES.get(self.window_s, f"{self.window_s} s")
        return f"{self.kind} per {window} of the {whose}"


@dataclass(frozen=True)
class Standing:
    """How the limits of a caller stand. `at`: by the database's clock."""

    at: datetime
    limits: tuple[LimitState, ...]

    def tightest(self, kind: LimitKind) -> LimitState | None:
        """Return the limit of a kind of which the least is left, None when there is none."""
        of_kind = [limit for limit in self.limits if limit.kind is kind]
        return min(of_kind, key=lambda limit: (limit.remaining, limit.amount), default=None)

    def refused_by(self) -> LimitState | None:
        """Return the limit that keeps a call waiting longest, None when none does."""
        refusing = [limit for limit in self.limits if limit.retry_s is not None]
        return max(refusing, key=lambda limit: limit.retry_s or 0, default=None)


def duration(seconds: float) -> str:
    """Return a duration as the OpenAI API tells it: `120ms`, `1s`, `6m0s`, `2h0m0s`."""
    millis = math.ceil(round(max(seconds, 0) * 1000, 3))
    if millis < _SECOND_MS:
        return f"{millis}ms" if millis else "0s"
    minutes, rest = divmod(-(-millis // 1000), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def policies(limits: Sequence[LimitState]) -> tuple[str, str]:
    """Return `RateLimit-Policy` and `RateLimit` of limits that have a window (draft-ietf-httpapi-ratelimit-headers)."""
    windowed = [limit for limit in limits if limit.window_s]
    named = [(f'"{_policy(limit)}"', limit) for limit in windowed]
    policy = ", ".join(f"{name};q={limit.amount};w={limit.window_s}" for name, limit in named)
    state = ", ".join(
        f"{name};r={limit.remaining};t={math.ceil(limit.reset_s if limit.retry_s is None else limit.retry_s)}"
        for name, limit in named
    )
    return policy, state


def _policy(limit: LimitState) -> str:
    return f"{limit.subject.partition(':')[0]}-{limit.kind}-{limit.window_s}"


class LimitReached(RateLimited):
    """A limit of the caller's is reached: how all of them stand, and whether waiting helps.

    `of_call`: it was a call of the gateway, or a request, that was refused, and not a look at something.
    """

    def __init__(self, standing: Standing, tokens: int = 0, *, of_call: bool = False) -> None:
        limit = standing.refused_by()
        if limit is None:
            raise ValueError("no limit refuses")
        self.standing = standing
        self.of_call = of_call
        self.waiting_helps = limit.amount > 0
        told = f"limit {limit.amount}, used {min(limit.used, limit.amount)}"
        if limit.kind is LimitKind.TOKENS:
            told += f", asked {tokens}"
        super().__init__(f"too many {limit.name}: {told}", limit.retry_s or 0.0, limit.name)
