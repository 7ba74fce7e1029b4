"""Limits of callers in the database: calls are let in and settled here, by its clock, the same for all processes."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.caller_limits import LimitKind, LimitState, Standing
from services.storage.driver import Row
from services.storage.statements import Statements

_TAKE = """
    SELECT granted, at, id, subject, kind, window_s, amount, used, reset_s, retry_s
    FROM longhaul_limit_take($1, $2, $3, $4, $5)"""
_STANDING = "SELECT at, id, subject, kind, window_s, amount, used, reset_s FROM longhaul_limit_standing($1)"
_GIVE_BACK = """SELECT longhaul_limit_settle($1, '{"input_tokens": 0, "output_tokens": 0}')"""


@dataclass(frozen=True)
class Ask:
    """What is to be let in.

    Attributes:
        subjects: Whose limits count, as `domain.caller_limits.subjects_of` gives them.
        call_id: Under which it ends (`longhaul_limit_settle`); empty where nothing stays under way.
        requests: 1, or 0 for what was counted already.
        tokens: How many it may use, by estimate; reserved until it ends, at most what its limit has in all.
        lasts_s: How long it may be under way; it stops counting then even if its end is never heard of. None: it is
            over at once, and only requests are counted.
    """

    subjects: Sequence[str]
    call_id: str = ""
    requests: int = 1
    tokens: int = 0
    lasts_s: float | None = None


@dataclass(frozen=True)
class Taken:
    """Whether it was let in, and how the limits stand; `standing` None: there are none."""

    granted: bool
    standing: Standing | None = None


async def take(where: Statements, ask: Ask) -> Taken:
    """Let a call in, or refuse it and change nothing; one round trip.

    Raises:
        Unavailable: The database does not answer.
    """
    rows = await where.fetch(_TAKE, ask.call_id, list(ask.subjects), ask.requests, ask.tokens, ask.lasts_s)
    if not rows:
        return Taken(granted=True)
    return Taken(rows[0]["granted"], _standing(rows))


async def give_back(where: Statements, call_id: str) -> None:
    """End what was let in and then not done: its tokens and its place are free again. The request stays counted."""
    await where.fetch(_GIVE_BACK, call_id)


async def standing(where: Statements, subjects: Sequence[str]) -> Standing | None:
    """Return how the limits of some subjects stand, None when there are none."""
    rows = await where.fetch(_STANDING, list(subjects))
    return _standing(rows) if rows else None


def _standing(rows: Sequence[Row]) -> Standing:
    return Standing(rows[0]["at"], tuple(_state(row) for row in rows))


def _state(row: Row) -> LimitState:
    return LimitState(
        id=row["id"],
        subject=row["subject"],
        kind=LimitKind(row["kind"]),
        window_s=row["window_s"],
        amount=row["amount"],
        used=row["used"],
        reset_s=row["reset_s"] or 0.0,
        retry_s=row.get("retry_s"),
    )
