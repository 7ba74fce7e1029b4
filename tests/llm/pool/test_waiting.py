import asyncio

import pytest

from domain.budget import Usage
from services.llm.pool import leases
from services.llm.pool.leases import Bar
from services.storage.database import Database
from services.storage.driver import Row
from tests.llm.pool.accounts import (
    account,
    age,
    ask,
    claim,
    concurrency,
    end,
    granted,
    new_name,
    place,
    requests,
    rows,
    tokens,
)


async def _full(db: Database) -> tuple[str, str]:
    """Return an account of one place, and the lease that has it."""
    name = await account(db, concurrency(1))
    lease = await granted(db, claim(), place(name))
    assert lease
    return name, lease


async def _waiters(db: Database, name: str) -> list[Row]:
    return await db.fetch("SELECT * FROM lease_waiter WHERE accounts ? $1 ORDER BY rank, turn, since, id", name)


async def _queue(db: Database, name: str, *calls: tuple[str, int, str]) -> None:
    """Have calls wait: (id, priority, fairness key), in this order."""
    for call_id, priority, key in calls:
        answer = await ask(db, place(name), call_id=call_id, priority=priority, fairness_key=key)
        assert answer.granted is None


async def _served(db: Database, name: str, first: str, calls: list[str]) -> list[str]:
    """Let one call at a time through, all asking each time, and return in which order they were served."""
    lease, served = first, list[str]()
    while len(served) < len(calls):
        assert await end(db, lease)
        left = [call for call in calls if call not in served]
        found = [(call, await granted(db, claim(call), place(name))) for call in reversed(left)]
        ((call, lease),) = [(call, made) for call, made in found if made]
        served.append(call)
    return served


def _ids(*names: str) -> list[str]:
    mark = new_name("")
    return [f"call{mark}-{name}" for name in names]


async def test_the_more_urgent_is_served_first_whoever_asks_first(db: Database) -> None:
    name, lease = await _full(db)
    low, usual, high = _ids("low", "usual", "high")
    await _queue(db, name, (low, 5, "k"), (usual, 3, "k"), (high, 1, "k"))
    assert await _served(db, name, lease, [low, usual, high]) == [high, usual, low]
    assert await _waiters(db, name) == []


async def test_of_one_priority_keys_take_turns_however_many_calls_each_has(db: Database) -> None:
    name, lease = await _full(db)
    a1, a2, a3, a4, b1, b2, c1 = calls = _ids("a1", "a2", "a3", "a4", "b1", "b2", "c1")
    keys = [(call, 3, call[-2]) for call in calls]
    await _queue(db, name, *keys)
    assert await _served(db, name, lease, calls) == [a1, b1, c1, a2, b2, a3, a4]


async def test_of_one_key_who_waits_longest_is_served_first(db: Database) -> None:
    name, lease = await _full(db)
    calls = _ids("a", "b", "c", "d")
    await _queue(db, name, *((call, 3, "k") for call in calls))
    assert await _served(db, name, lease, calls) == calls


async def test_a_key_that_comes_again_and_again_does_not_overtake_one_that_waits(db: Database) -> None:
    name, lease = await _full(db)
    many = _ids("m1", "m2", "m3")
    await _queue(db, name, *((call, 3, "many") for call in many))
    order: list[str] = []
    for again in _ids("o1", "o2", "o3"):
        await _queue(db, name, (again, 3, "one"))
        await end(db, lease)
        for call in [again, *many]:
            got = await granted(db, claim(call, fairness_key="one" if call == again else "many"), place(name))
            if got:
                lease = got
                order.append(call)
        if again not in order:
            await leases.give_up(db, again)
    assert [call[-2:] for call in order] == ["m1", "m2", "m3"], "with one place each goes before the newcomer"


async def test_a_newcomer_does_not_take_what_is_kept_for_those_who_wait(db: Database) -> None:
    name, lease = await _full(db)
    (first,) = _ids("first")
    await _queue(db, name, (first, 3, "a"))
    await end(db, lease)
    newcomer = await ask(db, place(name), waits=False, fairness_key="b")
    assert newcomer.bars == (Bar.QUEUE,)
    assert (await ask(db, place(name), waits=False, fairness_key="b", priority=2)).granted == 0


async def test_free_places_beyond_those_who_wait_are_taken_at_once(db: Database) -> None:
    one, two = await account(db, concurrency(2)), await account(db, concurrency(2))
    both = (place(one), place(two))
    held = [await granted(db, claim(), *both) for _ in range(4)]
    for _ in range(2):
        assert (await ask(db, *both)).granted is None
    for lease in held[:3]:
        assert lease
        await end(db, lease)
    answers = [await ask(db, *both, waits=False) for _ in range(2)]
    assert [answer.granted is None for answer in answers] == [False, True], "3 free, 2 wait"


async def test_small_calls_do_not_eat_up_what_a_large_one_waits_for(db: Database) -> None:
    name = await account(db, tokens(1000, 60))
    assert await granted(db, claim(), place(name, size=500))
    large = await ask(db, place(name, size=900), fairness_key="a")
    assert large.granted is None
    small = await ask(db, place(name, size=10), fairness_key="b")
    assert small.bars == (Bar.QUEUE,)


async def test_one_that_does_not_come_back_in_time_is_overtaken_and_keeps_its_place_if_it_comes_late(
    db: Database,
) -> None:
    name, lease = await _full(db)
    late, other = _ids("late", "other")
    await _queue(db, name, (late, 3, "k"), (other, 3, "k"))
    await end(db, lease)
    assert await granted(db, claim(other), place(name)) is None
    await db.fetch("UPDATE lease_waiter SET expected_at = expected_at - interval '40 s' WHERE id = $1", late)
    lease = await granted(db, claim(other), place(name)) or ""
    assert lease
    third = await ask(db, place(name), fairness_key="k")
    assert third.granted is None
    await end(db, lease)
    assert await granted(db, claim(late), place(name))


async def test_those_that_never_come_back_are_forgotten(db: Database) -> None:
    name, _ = await _full(db)
    gone, there = _ids("gone", "there")
    await _queue(db, name, (gone, 3, "k"), (there, 3, "k"))
    await db.fetch("UPDATE lease_waiter SET expected_at = expected_at - interval '400 s' WHERE id = $1", gone)
    await leases.forget_overdue(db, 300)
    assert [row["id"] for row in await _waiters(db, name)] == [there]


async def test_one_that_gives_up_leaves_its_place_to_others(db: Database) -> None:
    name, lease = await _full(db)
    first, second = _ids("first", "second")
    await _queue(db, name, (first, 3, "k"), (second, 3, "k"))
    await leases.give_up(db, first)
    await end(db, lease)
    assert await granted(db, claim(second), place(name))


async def test_one_that_does_not_wait_leaves_nothing_behind(db: Database) -> None:
    name, _ = await _full(db)
    assert (await ask(db, place(name), waits=False)).granted is None
    assert await _waiters(db, name) == []


async def test_waiters_are_told_to_come_one_after_the_other(db: Database) -> None:
    name = await account(db, requests(10, 20))
    for _ in range(10):
        lease = await granted(db, claim(), place(name))
        assert lease
        await end(db, lease)
        await age(db, name, 1)
    told = [(await ask(db, place(name), fairness_key=f"k{n}")).retry_s or 0 for n in range(10)]
    assert told == [pytest.approx(10 + n, abs=0.5) for n in range(10)], "when the k-th of the places frees"


async def test_those_behind_a_whole_window_of_waiters_are_told_to_come_a_window_later(db: Database) -> None:
    name = await account(db, requests(3, 6))
    for _ in range(3):
        lease = await granted(db, claim(), place(name))
        assert lease
        await end(db, lease)
        await age(db, name, 1)
    told = [(await ask(db, place(name), fairness_key=f"k{n}")).retry_s or 0 for n in range(9)]
    assert told == [pytest.approx(at, abs=0.5) for at in (3, 4, 5, 9, 10, 11, 15, 16, 17)]


async def test_a_crowd_is_told_different_times_within_the_bounds(db: Database) -> None:
    name = await account(db, requests(1, 3600))
    assert (await ask(db, place(name))).granted == 0
    told = [(await ask(db, place(name), fairness_key=f"k{n}")).retry_s or 0 for n in range(40)]
    assert len({round(each, 3) for each in told}) == 40
    assert 20 <= min(told) <= max(told) <= 30


@pytest.mark.parametrize(("usual_s", "told_s"), [(1, (1, 1, 2, 2, 3)), (60, (2, 2.5, 3, 3.5, 4))])
async def test_for_a_place_that_frees_as_calls_end_the_wait_is_as_long_as_they_last_but_not_too_long(
    db: Database, usual_s: int, told_s: tuple[float, ...]
) -> None:
    name = await account(db, concurrency(2))
    for _ in range(2):
        lease = await granted(db, claim(), place(name))
        assert lease
        await leases.settle(db, leases.Ended(lease, "ok", Usage(), total_ms=usual_s * 1000))
    for _ in range(2):
        assert (await ask(db, place(name))).granted == 0
    told = [(await ask(db, place(name), fairness_key=f"k{n}")).retry_s or 0 for n in range(5)]
    assert told == [pytest.approx(at, abs=0.5) for at in told_s]


async def test_tokens_that_open_calls_may_not_need_are_asked_for_soon(db: Database) -> None:
    name = await account(db, tokens(1000, 3600))
    assert await granted(db, claim(), place(name, size=1000))
    assert ((await ask(db, place(name))).retry_s or 0) <= 2


async def test_a_place_that_is_kept_for_others_is_asked_for_again_soon(db: Database) -> None:
    name, lease = await _full(db)
    (first,) = _ids("first")
    await _queue(db, name, (first, 3, "k"))
    await end(db, lease)
    assert 0.02 <= ((await ask(db, place(name))).retry_s or 0) <= 2


async def test_each_minute_of_waiting_is_worth_a_level_of_priority(db: Database) -> None:
    name, lease = await _full(db)
    old, newer = _ids("old", "newer")
    await _queue(db, name, (old, 5, "a"))
    await db.fetch("UPDATE lease_waiter SET since = since - interval '245 s' WHERE id = $1", old)
    await _queue(db, name, (old, 5, "a"), (newer, 1, "b"))
    (first, _) = await _waiters(db, name)
    assert (first["id"], first["rank"], first["priority"]) == (old, 1, 5)
    assert await _served(db, name, lease, [old, newer]) == [old, newer]


async def test_of_a_crowd_of_one_key_only_the_oldest_gains(db: Database) -> None:
    name, lease = await _full(db)
    crowd = _ids(*(f"c{n}" for n in range(6)))
    (newer,) = _ids("newer")
    await _queue(db, name, *((call, 5, "crowd") for call in crowd))
    await db.fetch("UPDATE lease_waiter SET since = since - interval '1000 s' WHERE accounts ? $1", name)
    await _queue(db, name, *((call, 5, "crowd") for call in reversed(crowd)), (newer, 1, "other"))
    assert [row["rank"] for row in await _waiters(db, name)] == [1, 1, 5, 5, 5, 5, 5]
    assert await _served(db, name, lease, [*crowd, newer]) == [crowd[0], newer, *crowd[1:]]


async def test_nobody_starves_under_a_stream_of_more_urgent_calls(db: Database) -> None:
    name, lease = await _full(db)
    (low,) = _ids("low")
    await _queue(db, name, (low, 5, "low"))
    for n in range(8):
        (urgent,) = _ids(f"u{n}")
        await _queue(db, name, (urgent, 1, "urgent"))
        await end(db, lease)
        if await granted(db, claim(low), place(name)):
            assert n >= 4, "it was five levels down"
            return
        lease = await granted(db, claim(urgent), place(name)) or ""
        assert lease
        await db.fetch("UPDATE lease_waiter SET since = since - interval '61 s' WHERE accounts ? $1", name)
    pytest.fail("it starves")


async def test_a_crowd_that_comes_back_as_told_is_served_to_the_last_and_never_over_the_limit(db: Database) -> None:
    name = await account(db, concurrency(3))
    open_now, most = 0, 0

    async def call(n: int) -> None:
        nonlocal open_now, most
        call_id = new_name("call")
        while True:
            asked = claim(call_id, fairness_key=f"k{n % 4}", priority=1 + n % 3)
            answer = await leases.take(db, asked, [place(name)])
            if answer.granted is not None:
                break
            await asyncio.sleep(min(answer.retry_s or 0, 0.2))
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.005)
        open_now -= 1
        await leases.settle(db, leases.Ended(asked.lease_id, "ok", Usage(), total_ms=5))

    async with asyncio.timeout(25):
        await asyncio.gather(*(call(n) for n in range(60)))
    assert most <= 3
    assert len(await rows(db, name)) == 60
    assert await _waiters(db, name) == []


async def test_there_are_never_more_waiters_than_the_bound(db: Database) -> None:
    name, _ = await _full(db)
    async with db.transaction() as tx:
        await tx.fetch(
            """INSERT INTO lease_waiter (id, route, priority, fairness_key, rank)
            SELECT 'crowd-' || n, 'r', 5, 'k', 5 FROM generate_series(1, 20000) n"""
        )
        answer = await ask(tx, place(name))
        assert answer.granted is None
        assert answer.retry_s
        assert len(await tx.fetch("SELECT FROM lease_waiter WHERE accounts ? $1", name)) == 0
        await tx.fetch("DELETE FROM lease_waiter WHERE route = 'r'")
