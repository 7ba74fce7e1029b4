import asyncio

import pytest

from domain.budget import Usage
from domain.model_pool import Limit
from services.llm.pool import leases
from services.llm.pool.leases import Bar, Mode
from services.storage.database import Database
from tests.llm.pool.accounts import (
    account,
    age,
    ask,
    claim,
    concurrency,
    end,
    granted,
    money,
    new_name,
    place,
    requests,
    rows,
    tokens,
)


async def test_an_account_without_limits_takes_every_call(db: Database) -> None:
    name = await account(db)
    answers = await asyncio.gather(*(ask(db, place(name)) for _ in range(30)))
    assert all(answer.granted == 0 and answer.bars == (Bar.NONE,) for answer in answers)
    assert {(row["outcome"], row["tokens"], row["call_id"][:4]) for row in await rows(db, name)} == {
        (None, 100, "call")
    }


@pytest.mark.parametrize("limit", [requests(10, 60), concurrency(10), tokens(1000, 60), tokens(1099, 3600)])
async def test_calls_at_once_get_exactly_as_many_places_as_there_are(db: Database, limit: Limit) -> None:
    name = await account(db, limit)
    answers = await asyncio.gather(*(ask(db, place(name), waits=False) for _ in range(50)))
    assert sum(answer.granted == 0 for answer in answers) == 10
    assert {answer.bars for answer in answers if answer.granted is None} == {(Bar.LIMIT,)}


async def test_the_first_free_place_in_the_given_order_is_taken(db: Database) -> None:
    full, free, other = await account(db, requests(1, 60)), await account(db, requests(9, 60)), await account(db)
    await ask(db, place(full))
    answer = await ask(db, place(full), place(free), place(other))
    assert (answer.granted, answer.bars, answer.retry_s) == (1, (Bar.LIMIT, Bar.NONE, Bar.NONE), None)


async def test_of_a_configured_and_a_learnt_limit_the_smaller_holds(db: Database) -> None:
    told_less = await account(db, requests(9, 60), learnt=[requests(1, 60)])
    told_more = await account(db, requests(1, 60), learnt=[requests(9, 60)])
    for name in (told_less, told_more):
        assert [(await ask(db, place(name), waits=False)).granted for _ in range(2)] == [0, None]


async def test_all_limits_of_an_account_hold_at_once(db: Database) -> None:
    name = await account(db, requests(5, 60), concurrency(2), tokens(250, 60))
    first, second = [await granted(db, claim(), place(name, size=100)) for _ in range(2)]
    assert first
    assert second
    assert (await ask(db, place(name, size=10), waits=False)).bars == (Bar.LIMIT,), "concurrency"
    await end(db, first, used=100)
    assert (await ask(db, place(name, size=100), waits=False)).bars == (Bar.LIMIT,), "tokens"
    for _ in range(3):
        lease = await granted(db, claim(waits=False), place(name, size=10))
        assert lease
        await end(db, lease, used=10)
    assert (await ask(db, place(name, size=10), waits=False)).bars == (Bar.LIMIT,), "requests"


async def test_a_lease_counts_until_one_window_after_its_first_byte(db: Database) -> None:
    name = await account(db, requests(1, 10))
    lease = await granted(db, claim(), place(name))
    assert lease
    await age(db, name, 30)
    assert await end(db, lease, since_s=9.0)
    refused = await ask(db, place(name), waits=False)
    assert refused.granted is None
    assert refused.retry_s == pytest.approx(1.0, abs=0.5)
    await age(db, name, 1.5)
    assert (await ask(db, place(name))).granted == 0


async def test_an_open_lease_whose_answer_has_begun_leaves_its_window_but_not_its_place(db: Database) -> None:
    name = await account(db, requests(1, 10), concurrency(2))
    lease = await granted(db, claim(), place(name))
    assert lease
    await leases.renew(db, {lease: 9.5})
    assert (await ask(db, place(name), waits=False)).granted is None
    await leases.renew(db, {lease: 10.5})
    assert (await ask(db, place(name), waits=False)).granted is None, "the first word on it stays"
    await db.fetch("UPDATE lease SET counted_from = counted_from - interval '1 s' WHERE id = $1", lease)
    assert (await ask(db, place(name))).granted == 0
    await db.fetch("UPDATE lease SET counted_from = counted_from - interval '11 s' WHERE account_id = $1", name)
    assert (await ask(db, place(name), waits=False)).bars == (Bar.LIMIT,), "both are open"


async def test_a_dead_process_holds_its_place_until_expiry_and_its_window_until_one_window_after(db: Database) -> None:
    place_only, window = await account(db, concurrency(1)), await account(db, requests(1, 10))
    for name in (place_only, window):
        await ask(db, place(name))
        await age(db, name, leases.TTL_S - 1)
        assert (await ask(db, place(name), waits=False)).granted is None
        await age(db, name, 2)
    assert (await ask(db, place(place_only))).granted == 0
    assert (await ask(db, place(window), waits=False)).granted is None
    await age(db, window, 8)
    assert (await ask(db, place(window), waits=False)).granted is None
    await age(db, window, 2)
    assert (await ask(db, place(window))).granted == 0


async def test_a_renewed_lease_does_not_expire(db: Database) -> None:
    name = await account(db, concurrency(1))
    lease = await granted(db, claim(), place(name))
    assert lease
    await age(db, name, leases.TTL_S - 1)
    await leases.renew(db, {lease: None})
    await age(db, name, leases.TTL_S - 1)
    assert (await ask(db, place(name), waits=False)).granted is None


async def test_a_lease_by_which_nothing_was_sent_counts_no_more(db: Database) -> None:
    name = await account(db, requests(1, 60), tokens(100, 7200))
    lease = await granted(db, claim(), place(name))
    assert lease
    assert await end(db, lease, "unused", used=0)
    assert (await ask(db, place(name))).granted == 0


@pytest.mark.parametrize("window_s", [60, 7200])
@pytest.mark.parametrize(("used", "places"), [(10, 9), (100, 0), (900, 0)])
async def test_an_ended_lease_counts_with_the_tokens_that_it_used(
    db: Database, used: int, places: int, window_s: float
) -> None:
    name = await account(db, tokens(100, window_s))
    lease = await granted(db, claim(), place(name, size=50))
    assert lease
    await end(db, lease, used=used)
    answers = [await ask(db, place(name, size=10), waits=False) for _ in range(places + 1)]
    assert [answer.granted for answer in answers] == [0] * places + [None]


async def test_ending_a_lease_again_changes_nothing(db: Database) -> None:
    name = await account(db, tokens(1000, 7200))
    lease = await granted(db, claim(), place(name))
    assert lease
    assert await end(db, lease, used=10)
    before = await rows(db, name)
    assert not await end(db, lease, "timeout", used=99)
    assert await rows(db, name) == before
    assert not await end(db, "lease_unknown")
    (usage,) = await db.fetch("SELECT requests, tokens FROM account_usage WHERE account_id = $1", name)
    assert (usage["requests"], usage["tokens"]) == (1, 10)


@pytest.mark.parametrize("window_s", [121, 3600, 86_400, 30 * 86_400])
async def test_a_long_window_counts_by_spans_and_never_too_little(db: Database, window_s: float) -> None:
    name = await account(db, requests(2, window_s))
    for _ in range(2):
        lease = await granted(db, claim(), place(name))
        assert lease
        await end(db, lease)
    assert (await ask(db, place(name), waits=False)).granted is None
    await age(db, name, window_s - 1)
    assert (await ask(db, place(name), waits=False)).granted is None
    await age(db, name, 3602)
    assert (await ask(db, place(name))).granted == 0


async def test_spans_that_no_window_reaches_are_removed(db: Database) -> None:
    name = await account(db, requests(9, 600))
    for gone_by_s in (1000, 0):
        lease = await granted(db, claim(), place(name))
        assert lease
        await end(db, lease)
        await age(db, name, gone_by_s)
    assert len(await db.fetch("SELECT FROM account_usage WHERE account_id = $1", name)) == 1


async def test_money_is_a_limit_like_any_other(db: Database) -> None:
    name = await account(db, money(100, 60))
    answers = [await ask(db, place(name, cost=40), waits=False) for _ in range(3)]
    assert [answer.granted for answer in answers] == [0, 0, None]


async def test_a_call_larger_than_the_limit_is_let_in_alone_unless_its_input_is_larger(db: Database) -> None:
    name = await account(db, tokens(1000, 60))
    small = await granted(db, claim(), place(name, size=1))
    assert small
    assert (await ask(db, place(name, size=5000), waits=False)).bars == (Bar.LIMIT,)
    await end(db, small, "unused")
    assert (await ask(db, place(name, size=5000), waits=False)).granted == 0
    never = await ask(db, place(name, size=5000), input_tokens=1001)
    assert (never.bars, never.retry_s) == ((Bar.SIZE,), None)


async def test_parked_and_unknown_accounts_and_silent_nodes_are_passed_over(db: Database) -> None:
    parked, silent, heard = await account(db), await account(db), await account(db)
    await db.fetch("UPDATE pool_account SET parked_at = now() WHERE id = $1", parked)
    for name, silent_s in ((silent, 40), (heard, 40), (heard, 1)):
        await db.fetch(
            """INSERT INTO pool_node (id, account_id, ttl_s, seen_at)
            VALUES ($1, $2, 30, now() - make_interval(secs => $3))""",
            *(new_name("node"), name, float(silent_s)),
        )
    answer = await ask(db, place(parked), place("acc-unknown"), place(silent), place(heard))
    assert (answer.granted, answer.bars) == (3, (Bar.PARKED, Bar.GONE, Bar.SILENT, Bar.NONE))


async def test_round_robin_takes_the_one_that_was_not_chosen_for_the_longest_time(db: Database) -> None:
    names = [await account(db) for _ in range(3)]
    places = [place(name) for name in names]
    answers = await asyncio.gather(*(ask(db, *places, mode=Mode.ROUND_ROBIN) for _ in range(30)))
    assert [sum(answer.granted == n for answer in answers) for n in range(3)] == [10, 10, 10]


async def test_least_connections_shares_open_calls_by_weight(db: Database) -> None:
    names = [await account(db) for _ in range(3)]
    places = [place(name, weight=weight) for name, weight in zip(names, (1, 2, 3), strict=True)]
    answers = await asyncio.gather(*(ask(db, *places, mode=Mode.LEAST_CONNECTIONS) for _ in range(30)))
    assert [sum(answer.granted == n for answer in answers) for n in range(3)] == [5, 10, 15]


@pytest.mark.parametrize("mode", [Mode.ROUND_ROBIN, Mode.LEAST_CONNECTIONS])
async def test_a_sessions_own_place_stays_first_whatever_the_order(db: Database, mode: Mode) -> None:
    names = [await account(db) for _ in range(3)]
    answers = [await ask(db, *map(place, names), mode=mode, stays=True) for _ in range(5)]
    assert [answer.granted for answer in answers] == [0] * 5


async def test_an_answer_moves_the_pace_and_keeps_the_session(db: Database) -> None:
    name = await account(db)
    for first_token_ms in (100, 200):
        lease = await granted(db, claim(), place(name))
        assert lease
        ended = leases.Ended(lease, "ok", Usage(), first_token_ms=first_token_ms, session="s" + name, sticky_s=60.0)
        assert (await leases.settle(db, ended)).closed
    (pace,) = await db.fetch("SELECT first_token_ms FROM deployment_pace WHERE deployment_id = $1", f"{name}-d")
    assert pace["first_token_ms"] == pytest.approx(120)
    (session,) = await db.fetch("SELECT * FROM sticky_session WHERE session = $1", "s" + name)
    assert (session["owner"], session["route"], session["deployment_id"]) == ("owner-a", "small", f"{name}-d")
