"""Many at once: each hold is posted and released once, and a wallet is never overspent, whoever races."""

import asyncio
import itertools
import json
import sys
from collections.abc import Sequence

import pytest

from domain.errors import Conflict
from domain.ledger import Payer
from services.storage.database import Database
from tests.ledger.till import Post, Till, fresh

DOLLAR = 1_000_000
PROCESSES = 4
CALLS = 125

HOLDS = """
    WITH rows AS (
        INSERT INTO request (id, owner, tenant, wallet_id, hold_id, kind)
        SELECT id, $2, $3, $4, id, 'call' FROM unnest($1::text[]) AS id RETURNING id)
    SELECT longhaul_money_hold(id, $4, 100, ARRAY['user:' || $2], 3600) FROM rows"""
POSTED = "SELECT count(*) FILTER (WHERE longhaul_money_post(id, 'call', 1, 1, 60)) FROM unnest($1::text[]) AS id"
RELEASED = "SELECT count(longhaul_money_release(id)) FROM unnest($1::text[]) AS id"
WALLETS, EACH, BATCH = 50, 100, 10
SPENT = """
    SELECT b.available_micros, b.held_micros, (
        SELECT coalesce(sum(e.micros), 0)::bigint FROM ledger_transaction t
        JOIN ledger_entry e ON e.transaction_id = t.id AND e.account_id = 'revenue:USD'
        WHERE t.wallet_id = $1 AND t.kind = 'post') AS revenue
    FROM wallet_balance b WHERE b.wallet_id = $1"""


async def test_five_thousand_holds_each_posted_and_released_twice_at_once(till: Till) -> None:
    won = await asyncio.gather(*(_many(till) for _ in range(WALLETS)))
    assert won == [(EACH, EACH)] * WALLETS


async def _many(till: Till) -> tuple[int, int]:
    """Return how many postings and releases of a wallet's holds won."""
    payer = await till.payer(EACH * 100)
    assert payer.wallet is not None
    ids = [fresh("req") for _ in range(EACH)]
    await till.db.fetch(HOLDS, ids, payer.user, payer.tenant, payer.wallet)
    posted = released = 0
    for start in range(0, EACH, BATCH):
        some = ids[start : start + BATCH]
        races = (till.one(query, some) for query in (POSTED, RELEASED, POSTED, RELEASED))
        told: Sequence[int] = await asyncio.gather(*races)
        posted, released = posted + told[0] + told[2], released + told[1] + told[3]
    assert await till.balance(payer.wallet) == (EACH * 40, 0)
    assert await till.broken(payer.wallet) == []
    return posted, released


async def test_the_other_of_two_gets_a_conflict_when_it_says_something_else(till: Till) -> None:
    payer = await till.payer(1000)
    request = await till.held(payer, 400)
    told = await asyncio.gather(*(till.post(Post(request, micros)) for micros in (100, 200)), return_exceptions=True)
    assert sorted(map(type, told), key=str) == sorted([bool, Conflict], key=str)
    assert payer.wallet is not None
    assert await till.balance(payer.wallet) in [(600, 300), (600, 200)]


async def test_racing_top_ups_and_refunds_of_one_key_are_one(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    assert len(set(await asyncio.gather(*(till.top_up(payer.wallet, 50, "same") for _ in range(10))))) == 1
    request = await till.held(payer, 400)
    await till.post(Post(request, 400))
    posting = await till.posting(Post(request, 400))
    assert len(set(await asyncio.gather(*(till.refund(posting, 300, "same") for _ in range(10))))) == 1
    told = await asyncio.gather(*(till.refund(posting, 60) for _ in range(5)), return_exceptions=True)
    assert [type(each) for each in told].count(Conflict) == 4
    assert await till.balance(payer.wallet) == (1010, 0)


@pytest.mark.timeout(60)
async def test_five_hundred_calls_at_once_spend_a_dollar_and_not_more(
    till: Till, db: Database, database_url: str
) -> None:
    payer = await till.payer(DOLLAR)
    assert payer.wallet is not None
    processes = [await _process(database_url, payer, seed) for seed in range(PROCESSES)]
    over = asyncio.gather(*(process.communicate() for process in processes))
    for _ in itertools.takewhile(lambda _: not over.done(), itertools.count()):
        (row,) = await db.fetch(SPENT, payer.wallet)
        assert row["available_micros"] >= 0
        assert row["available_micros"] + row["held_micros"] + row["revenue"] == DOLLAR
    told = [json.loads(line) for out, _ in await over for line in out.splitlines()]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    answered = {each["call"]: each["micros"] for each in told if each["micros"] is not None}
    assert len(told) == PROCESSES * CALLS
    assert 100 < len(answered) < len(told), "some were answered, some refused"
    postings = await db.fetch(
        "SELECT request_id, micros FROM ledger_transaction WHERE wallet_id = $1 AND kind = 'post'", payer.wallet
    )
    assert {row["request_id"]: row["micros"] for row in postings} == answered
    assert len(postings) == len(answered)
    assert await till.balance(payer.wallet) == (DOLLAR - sum(answered.values()), 0)
    assert "loss" not in await till.sums(payer.wallet)
    assert await till.broken(payer.wallet) == []


async def _process(url: str, payer: Payer, seed: int) -> asyncio.subprocess.Process:
    payers = (payer.wallet or "", payer.tenant, payer.user)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.ledger.caller_process", url, *payers, str(CALLS), str(seed)),
        stdout=asyncio.subprocess.PIPE,
    )
