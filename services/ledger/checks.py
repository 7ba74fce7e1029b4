"""The ledger's checks: what is new each time, the whole ledger each hour; on record, for alarm and metrics."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.ledger import invariants
from services.ledger.invariants import WHOLE, Finding
from services.storage import json_text
from services.storage.database import Database, Tx
from services.storage.statements import Statements

FULL_EVERY_S: Final = 3600
"""How often the whole ledger is checked; also as long as anything is broken, so that no alarm ends by growing old."""

_DUE: Final = """
    SELECT NOT EXISTS (SELECT FROM ledger_check)
        OR EXISTS (SELECT FROM ledger_check WHERE broken > 0 OR full_at IS NULL
            OR full_at < clock_timestamp() - make_interval(secs => $1)) AS due"""
_BEFORE: Final = "SELECT broken FROM ledger_check WHERE invariant = $1 FOR UPDATE"
_NOTE: Final = """
    INSERT INTO ledger_check AS c (invariant, broken, sample, checked_at, full_at)
    VALUES ($1, $2, $3, clock_timestamp(), CASE WHEN $4 THEN clock_timestamp() END)
    ON CONFLICT (invariant) DO UPDATE SET broken = excluded.broken, sample = excluded.sample,
        checked_at = excluded.checked_at, full_at = coalesce(excluded.full_at, c.full_at)"""
_ALARM: Final = "INSERT INTO ledger_alarm (invariant, broken, over, sample) VALUES ($1, $2, $3, $4)"
_FORGET: Final = "DELETE FROM ledger_check WHERE invariant <> ALL ($1::text[])"
_STANDING: Final = "SELECT invariant, broken, checked_at FROM ledger_check ORDER BY invariant"

_log = logging.getLogger("longhaul.money")


@dataclass(frozen=True)
class CheckStanding:
    """What the last check of an invariant found. `broken`: how many rows say that it does not hold."""

    invariant: str
    broken: int
    checked_at: datetime


async def run(db: Database, *, whole: bool | None = None) -> tuple[Finding, ...]:
    """Check every invariant and put on record what was found. `whole` None: the whole ledger when that is due.

    Raises:
        Unavailable: The database does not answer, or a query took too long.
    """
    all_of_it = (await db.fetch(_DUE, FULL_EVERY_S))[0]["due"] if whole is None else whole
    findings = await invariants.check(db, WHOLE if all_of_it else await invariants.recent(db))
    async with db.transaction() as tx:
        for finding in findings:
            await _note(tx, finding, whole=all_of_it)
        await tx.fetch(_FORGET, [finding.invariant for finding in findings])
    for finding in findings:
        if finding.rows:
            shown = "; ".join(finding.sample)
            _log.error("the ledger breaks its invariant %s in %d rows: %s", finding.invariant, finding.rows, shown)
    return findings


async def standing(where: Statements) -> Sequence[CheckStanding]:
    """Return what the last checks found, one for each invariant."""
    return [CheckStanding(**dict(row)) for row in await where.fetch(_STANDING)]


async def _note(tx: Tx, finding: Finding, *, whole: bool) -> None:
    """Note what was found; an alarm is a row of its own when it begins, changes, or is over."""
    earlier = await tx.fetch(_BEFORE, finding.invariant)
    before = earlier[0]["broken"] if earlier else 0
    sample = json_text.encode(finding.sample)
    await tx.fetch(_NOTE, finding.invariant, finding.rows, sample, whole)
    if finding.rows != before:
        await tx.fetch(_ALARM, finding.invariant, finding.rows, finding.rows == 0, sample)
