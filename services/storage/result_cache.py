"""Kept answers: who asks the same again within an answer's time gets it, and who asks meanwhile waits for the first.

Answers are kept for each owner apart. Failed, cut and refused ones are never kept. Whoever makes an answer holds its
key for a time; one that was not heard of by then is overtaken, and what it brings later is not kept.
"""

from dataclasses import dataclass

from domain.cache_key import is_fit
from domain.gateway import CallOutcome
from services.storage import json_text
from services.storage.statements import Statements

_CLAIM = "SELECT standing, call_id, outcome, age_s FROM longhaul_cache_claim($1, $2, $3, $4, $5)"
_KEEP = """
    UPDATE cached_answer SET outcome = $4::jsonb, created_at = clock_timestamp(),
        expires_at = clock_timestamp() + make_interval(secs => $5)
    WHERE owner = $1 AND key = $2 AND call_id = $3 AND outcome IS NULL"""
_RELEASE = "DELETE FROM cached_answer WHERE owner = $1 AND key = $2 AND call_id = $3 AND outcome IS NULL"
_LONGEST_S = 366 * 86_400.0
"""Bound on times, which callers may have given."""
_KEPT_WITHIN_S = 10.0
"""How soon after its end a call keeps its answer; if it has not by then, its process has died."""


@dataclass(frozen=True)
class Hit:
    """A kept answer, made by `call_id`, `age_s` seconds ago."""

    call_id: str
    outcome: CallOutcome
    age_s: float


@dataclass(frozen=True)
class Making:
    """The answer is being made by this call: follow it."""

    call_id: str


async def claim(
    where: Statements, owner: str, key: str, call_id: str, *, hold_s: float, max_age_s: float | None = None
) -> Hit | Making | None:
    """Find the answer kept under a key, or who is making it; None: it is `call_id`'s to make, for `hold_s` seconds.

    `max_age_s`: an older answer is not wanted; with 0 none is, nor one that is being made: `call_id` makes a new one.
    """
    oldest = None if max_age_s is None else min(max_age_s, _LONGEST_S)
    while True:
        (row,) = await where.fetch(_CLAIM, owner, key, call_id, min(hold_s, _LONGEST_S), oldest)
        if row["standing"] == "mine":
            return None
        if row["standing"] == "making":
            return Making(row["call_id"])
        hit = Hit(row["call_id"], CallOutcome.model_validate(row["outcome"]), row["age_s"])
        if row["standing"] == "hit" or _will_be_kept(hit, oldest):
            return hit
        await release(where, owner, key, hit.call_id)


def _will_be_kept(hit: Hit, oldest: float | None) -> bool:
    """Whether the answer of a call that has just ended is one to be kept, and its maker is about to do so."""
    return is_fit(hit.outcome) and hit.age_s <= min(_KEPT_WITHIN_S, _LONGEST_S if oldest is None else oldest)


async def keep(where: Statements, owner: str, key: str, call_id: str, outcome: CallOutcome, ttl_s: float) -> None:
    """Keep an answer for `ttl_s` seconds if it is fit for it; else free its key, as `release`. Repeating is safe."""
    if ttl_s <= 0 or not is_fit(outcome):
        await release(where, owner, key, call_id)
        return
    kept = json_text.encode(outcome.model_dump(mode="json"))
    await where.fetch(_KEEP, owner, key, call_id, kept, min(ttl_s, _LONGEST_S))


async def release(where: Statements, owner: str, key: str, call_id: str) -> None:
    """Free a key that the call has claimed, so that the next who asks makes the answer."""
    await where.fetch(_RELEASE, owner, key, call_id)
