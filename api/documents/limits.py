"""Limits of callers on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from domain.caller_limits import MOST, LimitKind, LimitState, LimitTerms, Standing
from services.storage.limit_desk import LimitView

_LIMIT: JsonDict = {
    "subject": "user:usr_01932f6e8a7b7c3d9e0f1a2b3c4d5e6f",
    "kind": "requests",
    "amount": 600,
    "window_s": 60,
}

Subject = Annotated[
    str,
    Field(
        max_length=120,
        pattern=r"^(tenant|user|key):[A-Za-z0-9_.-]{1,100}$",
        description="`tenant:`, `user:` or `key:` and its id; of a key its public part.",
    ),
]
_Amount = Annotated[int, Field(ge=0, le=MOST, strict=True, description="0: nothing is let in.")]


class NewLimitBody(LimitTerms):
    """A limit. Of `requests` and `tokens` with a window, of `concurrency` without."""

    model_config = ConfigDict(json_schema_extra={"example": _LIMIT})

    subject: Subject

    def terms(self) -> LimitTerms:
        """Return the limit without its subject."""
        return LimitTerms(kind=self.kind, amount=self.amount, window_s=self.window_s)


class LimitChangeBody(BaseModel):
    """Another amount. What was used already stays counted."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"amount": 1200}})

    amount: _Amount


class LimitsQuery(BaseModel):
    """Which limits."""

    model_config = ConfigDict(extra="forbid")

    subject: Subject | None = None
    after: str | None = Field(default=None, pattern=r"^lim_[0-9a-f]{32}$", description="`after` of the page before.")
    limit: int = Field(default=100, ge=1, le=500)


class LimitsDocument(BaseModel):
    """Limits, the oldest first. `after`: give it to get the next page; null on the last."""

    limits: list[LimitView]
    after: str | None


class LimitStandingDocument(BaseModel):
    """How a limit stands. `reset_s`: seconds until all that was used has left the window; of concurrency 0."""

    subject: str
    kind: LimitKind
    window_s: int
    amount: int
    used: int
    remaining: int
    reset_s: float


class StandingDocument(BaseModel):
    """The caller's own limits: those of the tenant, the user and the key. `at` null: there are none."""

    at: datetime | None
    limits: list[LimitStandingDocument]


def standing_document(standing: Standing | None) -> StandingDocument:
    """Return how a caller's limits stand."""
    if standing is None:
        return StandingDocument(at=None, limits=[])
    return StandingDocument(at=standing.at, limits=[_of_limit(limit) for limit in standing.limits])


def _of_limit(limit: LimitState) -> LimitStandingDocument:
    return LimitStandingDocument(
        subject=limit.subject,
        kind=limit.kind,
        window_s=limit.window_s,
        amount=limit.amount,
        used=limit.used,
        remaining=limit.remaining,
        reset_s=round(limit.reset_s, 3),
    )
