"""The books balance at every moment, also while the processes that write them are killed."""

import asyncio

from services.storage.database import Database
from tests.crash.machine import Machine
from tests.crash.test_money_failpoints import call
from tests.crash.trapped import WITHIN_S, Purse, purse_of
from tests.workflows.product import Product

CALLS = 40
SNAPSHOT = """
    SELECT b.available_micros, b.held_micros,
        (SELECT coalesce(sum(micros), 0)::bigint FROM ledger_entry) AS total,
        (SELECT count(*) FROM (
            SELECT FROM ledger_entry GROUP BY transaction_id, currency HAVING sum(micros) <> 0) AS uneven) AS uneven
    FROM wallet_balance b WHERE b.wallet_id = $1"""
"""One statement sees one moment."""


async def watch(purse: Purse, seen: list[tuple[int, int]]) -> None:
    """Look at the books until cancelled."""
    db = Database(purse.machine.database_url)
    try:
        while True:
            (row,) = await db.fetch(SNAPSHOT, purse.wallet)
            assert (row["total"], row["uneven"]) == (0, 0)
            assert row["available_micros"] >= 0 <= row["held_micros"]
            seen.append((row["available_micros"], row["held_micros"]))
            await asyncio.sleep(0.01)
    finally:
        await db.close()


async def some_done(calls: list[asyncio.Task[None]], count: int) -> None:
    async with asyncio.timeout(WITHIN_S):
        while sum(each.done() for each in calls) < count:
            await asyncio.sleep(0.01)


async def test_the_books_sum_to_zero_at_every_moment_while_workers_are_killed(
    machine: Machine, product: Product
) -> None:
    seen: list[tuple[int, int]] = []
    async with purse_of(machine, product) as purse:
        watching = asyncio.create_task(watch(purse, seen))
        calls = [asyncio.create_task(call(purse)) for _ in range(CALLS)]
        for count in (CALLS // 5, CALLS // 2):
            await some_done(calls, count)
            machine.supervisor.kill("worker")
        await asyncio.gather(*calls)
        await purse.check()
        assert not watching.done(), watching.exception()
        watching.cancel()
        await asyncio.wait({watching})
    assert len(set(seen)) > CALLS, "the moments were not all alike"
