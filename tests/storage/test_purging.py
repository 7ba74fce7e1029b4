import time
from datetime import UTC, datetime, timedelta

import pytest

from domain.ids import gateway_call_id, request_id
from domain.purging import Keep, PurgeKind
from services.storage import purging
from services.storage.api_log import ApiCallRow, ApiLog
from services.storage.database import Database
from services.storage.pool_rollup import LOST_AFTER_S
from tests.storage.leases import lease, unique
from tests.storage.samples import new_id

DAY_S = 86_400.0
KEEP = Keep(log_days=3, lease_days=3, call_days=3, key_days=3)


async def swept(db: Database, kind: PurgeKind, batch: int | None = None) -> int:
    """Remove all that is old of a kind; return how many rows that were."""
    rows, more = 0, True
    while more:
        done = await purging.sweep(db, kind, KEEP, batch)
        rows, more = rows + done.rows, done.more
    return rows


async def left(db: Database, table: str, column: str, value: str) -> int:
    (row,) = await db.fetch(f"SELECT count(*) AS n FROM {table} WHERE {column} = $1", value)  # noqa: S608  our names
    n: int = row["n"]
    return n


async def test_api_calls_are_removed_by_age(db: Database) -> None:
    owner = unique("owner")
    await swept(db, PurgeKind.API_CALLS)  # other tests leave old rows too
    log = ApiLog(db)
    log.start()
    for days in (5, 4, 2, 0):
        log.add(ApiCallRow(datetime.now(UTC) - timedelta(days=days), "r", owner, "GET", "/", 200, 1))
    await log.close()
    assert await swept(db, PurgeKind.API_CALLS, batch=1) == 2
    assert await left(db, "api_call", "owner", owner) == 2


async def test_leases_are_removed_when_they_are_in_the_counters_and_old(db: Database) -> None:
    account = unique("a")
    await lease(db, account, ended_ago_s=4 * DAY_S)
    await lease(db, account, ended_ago_s=2 * DAY_S)
    await lease(db, account, ended_ago_s=None, taken_ago_s=9 * DAY_S)
    await swept(db, PurgeKind.LEASES)
    assert await left(db, "lease", "account_id", account) == 3
    assert await swept(db, PurgeKind.LEASE_TOTALS) >= 2
    await swept(db, PurgeKind.LEASES)
    assert await left(db, "lease", "account_id", account) == 2


async def test_a_lost_lease_is_removed_too(db: Database) -> None:
    account = unique("a")
    await lease(db, account, ended_ago_s=None, taken_ago_s=9 * DAY_S, expired_ago_s=4 * DAY_S)
    await lease(db, account, ended_ago_s=None, taken_ago_s=9 * DAY_S, expired_ago_s=LOST_AFTER_S + 1)
    await swept(db, PurgeKind.LEASE_TOTALS)
    await swept(db, PurgeKind.LEASES)
    assert await left(db, "lease", "account_id", account) == 1


async def test_a_lease_that_counts_towards_a_window_stays(db: Database) -> None:
    account, monthly = unique("a"), unique("monthly")
    await lease(db, account, ended_ago_s=20 * DAY_S)
    await swept(db, PurgeKind.LEASE_TOTALS)
    await db.fetch(
        "INSERT INTO pool_limit (account_id, kind, window_s, learnt, amount) VALUES ($1, 'requests', $2, false, 10)",
        monthly,
        30 * DAY_S,
    )
    await swept(db, PurgeKind.LEASES)
    assert await left(db, "lease", "account_id", account) == 1
    await db.fetch("DELETE FROM pool_limit WHERE account_id = $1", monthly)
    await swept(db, PurgeKind.LEASES)
    assert await left(db, "lease", "account_id", account) == 0


async def test_waiters_that_do_not_come_back_and_sessions_that_are_over_are_removed(db: Database) -> None:
    name = unique("r")
    for hours in (-1, 1, 25):
        await db.fetch(
            "INSERT INTO lease_waiter (id, route, fairness_key, expected_at) "
            "VALUES ($1, $2, 'k', clock_timestamp() - make_interval(hours => $3))",
            unique("w"),
            name,
            hours,
        )
        await db.fetch(
            "INSERT INTO sticky_session (owner, route, session, deployment_id, until) "
            "VALUES ($1, $2, 's', 'd', clock_timestamp() - make_interval(hours => $3))",
            unique("o"),
            name,
            hours,
        )
    assert await swept(db, PurgeKind.WAITERS, batch=1) >= 1
    assert await swept(db, PurgeKind.SESSIONS, batch=1) >= 2
    assert await left(db, "lease_waiter", "route", name) == 2
    assert await left(db, "sticky_session", "route", name) == 1


async def test_cached_answers_that_have_expired_are_removed(db: Database) -> None:
    owner = unique("owner")
    for seconds in (-60, 1):
        await db.fetch(
            "INSERT INTO cached_answer (owner, key, call_id, expires_at) "
            "VALUES ($1, $2, 'call_1', clock_timestamp() - make_interval(secs => $3))",
            owner,
            unique("key"),
            seconds,
        )
    assert await swept(db, PurgeKind.CACHED_ANSWERS, batch=1) >= 1
    assert await left(db, "cached_answer", "owner", owner) == 1


def call_of(days: float) -> str:
    """Return the id of a call that was begun so many days ago."""
    return gateway_call_id(int((time.time() - days * DAY_S) * 1000), int(new_id()[4:], 16) >> 40)


async def made(db: Database, subject: str, *, ended: bool = True) -> str:
    """Write a call (or a request) with two chunks and a key, as it stands in the tables; return its id."""
    ended_at = datetime.now(UTC) if ended else None
    await db.fetch("INSERT INTO request (id, owner, kind, finished_at) VALUES ($1, 'o', 'call', $2)", subject, ended_at)
    for seq, kind in enumerate(("request.accepted", "call.chunk", "call.reset", "call.chunk", "call.finished")):
        await db.fetch(
            "INSERT INTO request_event (request_id, seq, type, source, source_seq, data) "
            "VALUES ($1, $2, $3, 'x', $2, '{}')",
            subject,
            seq + 1,
            kind,
        )
    await db.fetch(
        "INSERT INTO idempotency (owner, route, key_hash, body_hash, request_id, created_at) "
        "VALUES ('o', 'r', $1, 'b', $1, clock_timestamp() - interval '4 days')",
        subject,
    )
    return subject


async def test_old_calls_that_have_ended_lose_their_chunks_and_keys_and_nothing_else(db: Database) -> None:
    await db.fetch("DELETE FROM purge_mark")
    old, new = await made(db, call_of(4)), await made(db, call_of(2))
    running = await made(db, call_of(4), ended=False)
    request = await made(db, request_id(0, 1))
    try:
        await swept(db, PurgeKind.CALL_CHUNKS, batch=1)
        await swept(db, PurgeKind.CALL_KEYS, batch=1)
        events = [await left(db, "request_event", "request_id", each) for each in (old, new, running, request)]
        keys = [await left(db, "idempotency", "request_id", each) for each in (old, new, running, request)]
        assert (events, keys) == ([2, 5, 5, 5], [0, 1, 1, 1])
        assert await left(db, "request", "id", old) == 1
    finally:
        for table in ("request WHERE id", "request_event WHERE request_id", "idempotency WHERE request_id"):
            await db.fetch(f"DELETE FROM {table} = $1", request)  # noqa: S608  our names


async def test_a_key_that_was_given_an_older_calls_answer_is_kept_for_its_own_time(db: Database) -> None:
    call = await made(db, call_of(9))
    await db.fetch("UPDATE idempotency SET created_at = clock_timestamp() WHERE request_id = $1", call)
    await swept(db, PurgeKind.CALL_KEYS)
    assert await left(db, "idempotency", "request_id", call) == 1


async def test_calls_are_looked_at_once(db: Database) -> None:
    await made(db, call_of(4))
    await swept(db, PurgeKind.CALL_CHUNKS)
    later = await made(db, call_of(3.5))
    assert await purging.sweep(db, PurgeKind.CALL_CHUNKS, KEEP) == (3, False)
    assert await left(db, "request_event", "request_id", later) == 2
    assert await purging.sweep(db, PurgeKind.CALL_CHUNKS, KEEP) == (0, False)


@pytest.mark.parametrize("kind", list(PurgeKind))
async def test_nothing_old_is_nothing_to_do(db: Database, kind: PurgeKind) -> None:
    await swept(db, PurgeKind.LEASE_TOTALS)
    await swept(db, kind)
    assert await purging.sweep(db, kind, KEEP) == (0, False)
