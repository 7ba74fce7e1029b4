from datetime import UTC, datetime, timedelta

import pytest

from domain.purging import PurgeKind
from services.storage import purging
from services.storage.api_log import ApiCallRow, ApiLog
from services.storage.database import Database
from services.storage.pool_rollup import LOST_AFTER_S
from tests.storage.leases import lease, unique
from tests.storage.old_rows import DAY_S, KEEP, left, swept


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


@pytest.mark.parametrize("kind", [kind for kind in PurgeKind if kind is not PurgeKind.UNSTARTED_CALLS])
async def test_nothing_old_is_nothing_to_do(db: Database, kind: PurgeKind) -> None:
    await swept(db, PurgeKind.LEASE_TOTALS)
    await swept(db, kind)
    assert await purging.sweep(db, kind, KEEP) == (0, False)
