"""Removing by age, in bounded batches. Ages are told by the database's clock.

The ids of API calls begin with their time, so that what is old is found by id.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from domain.purging import Keep, PurgeKind
from services.storage import call_purging
from services.storage.api_log import first_id
from services.storage.pool_rollup import roll_up
from services.storage.statements import Statements

_LEASES: Final = """
    WITH bound AS (
        SELECT least($1, clock_timestamp() - make_interval(secs => coalesce(max(window_s), 0))) AS before
        FROM pool_limit
    ), ended AS (
        SELECT id FROM lease WHERE rolled_up AND ended_at < (SELECT before FROM bound)
        ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), lost AS (
        SELECT id FROM lease WHERE rolled_up AND ended_at IS NULL AND expires_at < (SELECT before FROM bound)
        LIMIT $2 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM lease l USING (TABLE ended UNION ALL TABLE lost) AS old WHERE l.id = old.id RETURNING 1
    )
    SELECT count(*) AS rows, count(*) AS seen FROM gone"""
_WAITERS: Final = """
    WITH gone AS (
        DELETE FROM lease_waiter WHERE id IN (
            SELECT id FROM lease_waiter WHERE expected_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING 1
    )
    SELECT count(*) AS rows, count(*) AS seen FROM gone"""
_SESSIONS: Final = """
    WITH old AS (
        SELECT owner, route, session FROM sticky_session WHERE until < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM sticky_session s USING old
        WHERE (s.owner, s.route, s.session) = (old.owner, old.route, old.session) RETURNING 1
    )
    SELECT count(*) AS rows, count(*) AS seen FROM gone"""
_CACHED_ANSWERS: Final = """
    SELECT removed AS rows, removed AS seen FROM longhaul_cache_purge($2) AS removed
    WHERE $1::timestamptz IS NOT NULL"""
_API_CALLS: Final = """
    WITH gone AS (
        DELETE FROM api_call WHERE id IN (SELECT id FROM api_call WHERE id < $1 ORDER BY id LIMIT $2) RETURNING 1
    )
    SELECT count(*) AS rows, count(*) AS seen FROM gone"""
_LIMIT_USES: Final = """
    WITH uses AS (
        DELETE FROM caller_use WHERE (id, limit_id) IN (
            SELECT id, limit_id FROM caller_use WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING 1
    ), windows AS (
        DELETE FROM caller_window WHERE (limit_id, slot) IN (
            SELECT limit_id, slot FROM caller_window WHERE leaves_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING 1
    ), gone AS (SELECT (SELECT count(*) FROM uses) AS uses, (SELECT count(*) FROM windows) AS windows)
    SELECT uses + windows AS rows, greatest(uses, windows) AS seen FROM gone"""
_AUDIT: Final = "SELECT removed AS rows, removed AS seen FROM longhaul_audit_purge($1, $2) AS removed"


class Swept(NamedTuple):
    """What one batch came to: rows removed (or rolled up), and whether there may be more."""

    rows: int
    more: bool


_BATCH: Final = 5000
_STATEMENTS: Final[Mapping[PurgeKind, str]] = {
    PurgeKind.LEASES: _LEASES,
    PurgeKind.WAITERS: _WAITERS,
    PurgeKind.SESSIONS: _SESSIONS,
    PurgeKind.CACHED_ANSWERS: _CACHED_ANSWERS,
    PurgeKind.CALL_CHUNKS: call_purging.CHUNKS,
    PurgeKind.CALL_KEYS: call_purging.KEYS,
    PurgeKind.CALLS: call_purging.CALLS,
    PurgeKind.CALL_BLOBS: call_purging.BLOBS,
    PurgeKind.API_CALLS: _API_CALLS,
    PurgeKind.LIMIT_USES: _LIMIT_USES,
    PurgeKind.AUDIT: _AUDIT,
}
"""`$1`: what is removed is from before this moment (of API calls: has a smaller id); `$2`: so many at once."""
_SMALL_BATCHES: Final = {PurgeKind.LEASE_TOTALS: 2000, PurgeKind.CALL_CHUNKS: 100, PurgeKind.CALLS: 500}
"""A call may have left thousands of chunks."""
_UNSTARTED_DAYS: Final = 1
_LIMIT_DAYS: Final = 32
"""Longer than any window of a limit of callers."""


async def sweep(where: Statements, kind: PurgeKind, keep: Keep, batch: int | None = None) -> Swept:
    """Remove one batch of a kind, the oldest first where it matters; `batch`: of so many instead of its usual.

    Calls that were never started are `sweep_unstarted`'s.

    Raises:
        Unavailable: The database does not answer.
    """
    size = batch or _SMALL_BATCHES.get(kind, _BATCH)
    if kind is PurgeKind.LEASE_TOTALS:
        rolled_up = await roll_up(where, size)
        return Swept(rolled_up, more=rolled_up > 0)
    before = await _ago(where, _days(kind, keep))
    bound = first_id(before) if kind is PurgeKind.API_CALLS else before
    (row,) = await where.fetch(_STATEMENTS[kind], bound, size)
    return Swept(row["rows"], more=row["seen"] >= size)


async def sweep_unstarted(
    where: Statements, has_workflow: Callable[[str], Awaitable[bool]], batch: int = _BATCH
) -> Swept:
    """Remove, of the next `batch` calls that are a day old, those whose start failed: nothing came of them.

    A call that is running is not looked at again.

    Raises:
        Unavailable: The database does not answer.
    """
    (row,) = await where.fetch(call_purging.OPEN, await _ago(where, _UNSTARTED_DAYS), batch)
    if not row["seen"]:
        return Swept(0, more=False)
    lost = [call_id for call_id in row["open"] if not await has_workflow(call_id)]
    (removed,) = await where.fetch(call_purging.UNSTARTED, lost, row["last"])
    return Swept(removed["rows"], more=row["seen"] >= batch)


async def _ago(where: Statements, days: int) -> datetime:
    (clock,) = await where.fetch("SELECT clock_timestamp() AS now")
    now: datetime = clock["now"]
    return now - timedelta(days=days)


def _days(kind: PurgeKind, keep: Keep) -> int:
    """Return how long rows of a kind are kept, sessions and cached answers beyond the end that they have."""
    call_days = max(keep.answer_days, keep.call_days, keep.key_days)
    return {
        PurgeKind.LEASES: keep.lease_days,
        PurgeKind.WAITERS: 1,
        PurgeKind.CALL_CHUNKS: keep.call_days,
        PurgeKind.CALL_KEYS: keep.key_days,
        PurgeKind.CALLS: call_days,
        PurgeKind.CALL_BLOBS: call_days + call_purging.BLOB_SLACK_DAYS,
        PurgeKind.API_CALLS: keep.log_days,
        PurgeKind.LIMIT_USES: _LIMIT_DAYS,
        PurgeKind.AUDIT: keep.audit_days,
    }.get(kind, 0)
