"""Removing by age, in bounded batches. Ages are told by the database's clock.

The ids of API calls and of gateway calls begin with their time, so that what is old is found by id.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from domain.purging import Keep, PurgeKind
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
_CALL_CHUNKS: Final = """
    WITH seen AS (
        SELECT id, finished_at FROM request
        WHERE id > coalesce((SELECT after FROM purge_mark WHERE kind = 'call_chunks'), 'call_')
            AND id < 'call_' || lpad(to_hex((extract(epoch FROM $1::timestamptz) * 1000)::bigint), 12, '0')
        ORDER BY id LIMIT $2
    ), gone AS (
        DELETE FROM request_event e USING seen
        WHERE e.request_id = seen.id AND seen.finished_at IS NOT NULL AND e.type IN ('call.chunk', 'call.reset')
        RETURNING 1
    ), marked AS (
        INSERT INTO purge_mark AS m (kind, after) SELECT 'call_chunks', max(id) FROM seen HAVING count(*) > 0
        ON CONFLICT (kind) DO UPDATE SET after = greatest(m.after, excluded.after)
    )
    SELECT (SELECT count(*) FROM gone) AS rows, (SELECT count(*) FROM seen) AS seen"""
_CALL_KEYS: Final = """
    WITH old AS (
        SELECT k.owner, k.route, k.key_hash FROM idempotency k JOIN request r ON r.id = k.request_id
        WHERE k.request_id > 'call_' AND r.finished_at IS NOT NULL AND k.created_at < $1
            AND k.request_id < 'call_' || lpad(to_hex((extract(epoch FROM $1::timestamptz) * 1000)::bigint), 12, '0')
        LIMIT $2 FOR UPDATE OF k SKIP LOCKED
    ), gone AS (
        DELETE FROM idempotency k USING old
        WHERE (k.owner, k.route, k.key_hash) = (old.owner, old.route, old.key_hash) RETURNING 1
    )
    SELECT count(*) AS rows, count(*) AS seen FROM gone"""
_API_CALLS: Final = """
    WITH gone AS (
        DELETE FROM api_call WHERE id IN (SELECT id FROM api_call WHERE id < $1 ORDER BY id LIMIT $2) RETURNING 1
    )
    SELECT count(*) AS rows, count(*) AS seen FROM gone"""


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
    PurgeKind.CALL_CHUNKS: _CALL_CHUNKS,
    PurgeKind.CALL_KEYS: _CALL_KEYS,
    PurgeKind.API_CALLS: _API_CALLS,
}
"""`$1`: what is removed is from before this moment (of API calls: has a smaller id); `$2`: so many at once."""
_SMALL_BATCHES: Final = {PurgeKind.LEASE_TOTALS: 2000, PurgeKind.CALL_CHUNKS: 100}
"""A call may have left thousands of chunks."""


async def sweep(where: Statements, kind: PurgeKind, keep: Keep, batch: int | None = None) -> Swept:
    """Remove one batch of a kind, the oldest first where it matters; `batch`: of so many instead of its usual.

    Raises:
        Unavailable: The database does not answer.
    """
    size = batch or _SMALL_BATCHES.get(kind, _BATCH)
    if kind is PurgeKind.LEASE_TOTALS:
        rolled_up = await roll_up(where, size)
        return Swept(rolled_up, more=rolled_up > 0)
    (clock,) = await where.fetch("SELECT clock_timestamp() AS now")
    before = clock["now"] - timedelta(days=_days(kind, keep))
    bound = first_id(before) if kind is PurgeKind.API_CALLS else before
    (row,) = await where.fetch(_STATEMENTS[kind], bound, size)
    return Swept(row["rows"], more=row["seen"] >= size)


def _days(kind: PurgeKind, keep: Keep) -> int:
    """Return how long rows of a kind are kept, sessions and cached answers beyond the end that they have."""
    return {
        PurgeKind.LEASES: keep.lease_days,
        PurgeKind.WAITERS: 1,
        PurgeKind.CALL_CHUNKS: keep.call_days,
        PurgeKind.CALL_KEYS: keep.key_days,
        PurgeKind.API_CALLS: keep.log_days,
    }.get(kind, 0)
