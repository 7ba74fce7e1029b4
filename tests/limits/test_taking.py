import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from domain.caller_limits import LimitKind
from domain.purging import Keep, PurgeKind
from services.storage import caller_limits
from services.storage.caller_limits import Ask, Taken, take
from services.storage.database import Database
from services.storage.purging import sweep
from tests.limits.callers import Limited, end, unique

REQUESTS, TOKENS, CONCURRENCY = LimitKind.REQUESTS, LimitKind.TOKENS, LimitKind.CONCURRENCY

_CALLED = """
    INSERT INTO model_call (request_id, slot, round, n, state, model, process, usage)
    VALUES ($1, 'answer', 1, 1, 'finished', 'm', 'limits', '{"input_tokens": 10, "output_tokens": 20}')"""
_SLOW = """
    CREATE OR REPLACE FUNCTION longhaul_limit_frees(p_limit text, p_window_s int, p_missing bigint, p_now timestamptz)
    RETURNS double precision LANGUAGE plpgsql VOLATILE AS $$ BEGIN PERFORM pg_sleep(0.4); RETURN 1; END $$"""
"""Looks slowly at what a limit will have free; seen by the transaction alone that has said it."""


class _NotKept(Exception):
    """Ends a transaction without keeping what was done in it."""


def remaining(taken: Taken, kind: LimitKind) -> int:
    assert taken.standing is not None
    limit = taken.standing.tightest(kind)
    assert limit is not None
    return limit.remaining


async def taken_slowly(caller: Limited) -> Taken:
    """Ask for a call by a look that takes its time; nothing is kept of it."""
    told: list[Taken] = []
    with suppress(_NotKept):
        async with caller.db.transaction() as tx:
            await tx.driver.execute(_SLOW)
            told.append(await take(tx, Ask(caller.subjects, unique("call"), tokens=1, lasts_s=60)))
            raise _NotKept
    return told[0]


def wait_s(taken: Taken) -> float:
    assert taken.standing is not None
    refusing = taken.standing.refused_by()
    assert refusing is not None
    assert refusing.retry_s is not None
    return refusing.retry_s


async def test_a_caller_without_limits_is_let_in_and_leaves_nothing(db: Database) -> None:
    call_id, taken = await Limited(db).call()
    assert taken == Taken(granted=True)
    assert await db.fetch("SELECT FROM caller_use WHERE id = $1", call_id) == []


async def test_requests_are_counted_and_one_too_many_is_told_when(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(REQUESTS, 3, 60)
    left = [remaining(await caller.count(), REQUESTS) for _ in range(3)]
    refused = await caller.count()
    assert left == [2, 1, 0]
    assert not refused.granted
    assert 55 < wait_s(refused) <= 61.1


async def test_a_refused_call_eats_nothing(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(REQUESTS, 100, 60)
    await caller.limit(CONCURRENCY, 1)
    first, _ = await caller.call()
    for _ in range(5):
        _, refused = await caller.call()
        assert not refused.granted
    await end(db, first, 0)
    _, taken = await caller.call()
    assert taken.granted
    assert remaining(taken, REQUESTS) == 98


async def test_a_refusal_says_why_even_if_room_is_made_meanwhile(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(CONCURRENCY, 1)
    first, _ = await caller.call()

    async def make_room() -> None:
        await asyncio.sleep(0.1)
        await end(db, first, 0)

    meanwhile = asyncio.create_task(make_room())
    refused = await taken_slowly(caller)
    await meanwhile
    assert not refused.granted
    assert wait_s(refused) > 0
    assert (await caller.call())[1].granted


async def test_a_window_slides(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(REQUESTS, 2, 1)
    taken = [await caller.count() for _ in range(2)]
    refused = await caller.count()
    assert [each.granted for each in taken] == [True, True]
    assert not refused.granted
    assert 0.5 < wait_s(refused) < 1.1
    await asyncio.sleep(wait_s(refused))  # what is tried is the time that was told
    assert (await caller.count()).granted


async def test_every_subject_counts_and_none_is_charged_when_one_refuses(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(REQUESTS, 10, 60, subject=0)
    await caller.limit(REQUESTS, 5, 60, subject=1)
    await caller.limit(REQUESTS, 1, 60, subject=2)
    assert (await caller.count()).granted
    refused = await caller.count()
    assert refused.standing is not None
    assert [(limit.subject.partition(":")[0], limit.remaining) for limit in refused.standing.limits] == [
        ("tenant", 9),
        ("user", 4),
        ("key", 0),
    ]
    assert refused.standing.refused_by() == refused.standing.limits[2]


async def test_tokens_are_reserved_and_corrected_by_what_was_used(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(TOKENS, 1000, 60)
    call_id, taken = await caller.call(tokens=800)
    assert remaining(taken, TOKENS) == 200
    _, refused = await caller.call(tokens=300)
    assert not refused.granted
    await end(db, call_id, 100)
    _, after = await caller.call(tokens=300)
    assert after.granted
    assert remaining(after, TOKENS) == 600


async def test_a_request_uses_what_the_requests_use_that_it_starts(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(TOKENS, 1000, 60)
    root, child, other = (unique("req") for _ in range(3))
    await take(db, Ask(caller.subjects, root, requests=0, tokens=5, lasts_s=60))
    for request, hold in ((root, root), (child, root), (other, other)):
        await db.fetch("INSERT INTO request (id, owner, hold_id) VALUES ($1, 'limits', $2)", request, hold)
        await db.fetch(_CALLED, request)
    await db.fetch("SELECT longhaul_limit_settle($1, NULL)", root)
    await db.fetch("DELETE FROM model_call WHERE process = 'limits'")
    await db.fetch("DELETE FROM request WHERE owner = 'limits'")
    standing = await caller_limits.standing(db, caller.subjects)
    assert standing is not None
    assert [limit.used for limit in standing.limits] == [60]


async def test_more_than_was_reserved_counts_from_the_end_on(db: Database) -> None:
    caller = Limited(db)
    limit = await caller.limit(TOKENS, 1000, 60)
    call_id, _ = await caller.call(tokens=10)
    await end(db, call_id, 1500)
    standing = await caller_limits.standing(db, caller.subjects)
    assert standing is not None
    assert (standing.limits[0].id, standing.limits[0].used, standing.limits[0].remaining) == (limit.id, 1500, 0)
    _, refused = await caller.call(tokens=1)
    assert not refused.granted


async def test_a_call_that_is_larger_than_the_limit_has_it_to_itself(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(TOKENS, 1000, 60)
    call_id, taken = await caller.call(tokens=50_000)
    assert taken.granted
    assert remaining(taken, TOKENS) == 0
    await end(db, call_id, 400)
    _, refused = await caller.call(tokens=50_000)
    assert not refused.granted


async def test_a_place_is_free_again_at_the_end_and_an_end_counts_once(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(CONCURRENCY, 2)
    first, _ = await caller.call()
    await caller.call()
    assert not (await caller.call())[1].granted
    for _ in range(3):
        await end(db, first, 0)
    assert (await caller.call())[1].granted
    assert not (await caller.call())[1].granted


async def test_what_a_dead_process_held_is_free_when_it_expires(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(CONCURRENCY, 1)
    await caller.limit(TOKENS, 100, 3600)
    lost, taken = await caller.call(tokens=60, lasts_s=0.3)
    assert taken.granted
    assert not (await caller.call(tokens=40))[1].granted
    async with asyncio.timeout(5):
        while not (again := (await caller.call(tokens=40))[1]).granted:
            await asyncio.sleep(0.05)
    assert remaining(again, TOKENS) == 0  # its tokens stay as they were reserved: they may have been used
    await end(db, lost, 5)  # too late to be heard
    standing = await caller_limits.standing(db, caller.subjects)
    assert standing is not None
    assert [limit.used for limit in standing.limits if limit.kind is TOKENS] == [100]


async def test_what_is_given_back_is_free_but_was_asked(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(REQUESTS, 10, 60)
    await caller.limit(TOKENS, 100, 60)
    await caller.limit(CONCURRENCY, 1)
    call_id, _ = await caller.call(tokens=100)
    await caller_limits.give_back(db, call_id)
    standing = await caller_limits.standing(db, caller.subjects)
    assert standing is not None
    assert {limit.kind: limit.used for limit in standing.limits} == {REQUESTS: 1, TOKENS: 0, CONCURRENCY: 0}


async def test_a_request_that_was_counted_takes_its_place_only(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(REQUESTS, 1, 60)
    await caller.limit(CONCURRENCY, 1)
    assert (await caller.count()).granted
    taken = await take(db, Ask(caller.subjects, unique("req"), requests=0, tokens=5, lasts_s=60))
    assert taken.granted
    assert not (await take(db, Ask(caller.subjects, unique("req"), requests=0, tokens=5, lasts_s=60))).granted


async def test_nothing_is_let_in_where_the_amount_is_0(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(REQUESTS, 0, 60)
    refused = await caller.count()
    assert not refused.granted
    assert wait_s(refused) == pytest.approx(60, abs=1)


async def test_a_longer_window_and_a_shorter_one_hold_both(db: Database) -> None:
    caller = Limited(db)
    await caller.limit(REQUESTS, 2, 1)
    await caller.limit(REQUESTS, 3, 3600)
    assert [(await caller.count()).granted for _ in range(2)] == [True, True]
    refused = await caller.count()
    assert wait_s(refused) < 1.1
    await asyncio.sleep(wait_s(refused))
    assert (await caller.count()).granted
    assert wait_s(await caller.count()) > 3000


async def test_windows_that_are_over_are_removed(db: Database) -> None:
    caller = Limited(db)
    limit = await caller.limit(REQUESTS, 1, 1)
    first = await caller.count()
    assert first.standing is not None
    await asyncio.sleep(wait_s(await caller.count()))
    assert (await caller.count()).granted
    slots = await db.fetch("SELECT leaves_at FROM caller_window WHERE limit_id = $1", limit.id)
    assert len(slots) == 1
    assert slots[0]["leaves_at"] > first.standing.at + timedelta(seconds=2)


async def test_what_nobody_asked_against_any_more_is_purged(db: Database) -> None:
    caller = Limited(db)
    limit = await caller.limit(TOKENS, 100, 60)
    await caller.call()
    (row,) = await db.fetch("SELECT clock_timestamp() - interval '33 days' AS at")
    await db.fetch("UPDATE caller_use SET expires_at = $2 WHERE limit_id = $1", limit.id, row["at"])
    await db.fetch("UPDATE caller_window SET leaves_at = $2 WHERE limit_id = $1", limit.id, row["at"])
    swept = await sweep(db, PurgeKind.LIMIT_USES, Keep())
    assert swept.rows >= 2
    for table in ("caller_use", "caller_window"):
        assert await db.fetch(f"SELECT FROM {table} WHERE limit_id = $1", limit.id) == []
