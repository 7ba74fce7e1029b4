"""Each invariant holds over a ledger in use, and is seen to be broken when something breaks it."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import pytest
import pytest_asyncio

from services.ledger import checks, invariants
from services.ledger.invariants import WHOLE
from services.storage.database import Database, Tx
from tests.ledger.books import USAGE, Books, Terms, scratch
from tests.ledger.till import NewBudget, fresh

UNGUARDED = "SET LOCAL session_replication_role = replica"
"""What somebody with all rights to the tables can do: no trigger stands in the way."""

LAST = "(SELECT max(id) FROM ledger_transaction WHERE kind = 'post')"
BREAKS: Mapping[str, tuple[str, ...]] = {
    "transactions_balanced": ("UPDATE ledger_entry SET micros = micros + 1 WHERE transaction_id = {last}",),
    "currencies_total_zero": ("DELETE FROM ledger_entry WHERE transaction_id = {last} AND account_id = 'revenue:USD'",),
    "entries_in_their_currency": ("UPDATE ledger_entry SET currency = 'EUR' WHERE transaction_id = {last}",),
    "balances_are_folds": ("UPDATE wallet_balance SET available_micros = available_micros + 1",),
    "held_is_open_holds": ("UPDATE wallet_balance SET held_micros = held_micros + 1",),
    "floors_kept": (
        "ALTER TABLE wallet_balance DROP CONSTRAINT wallet_balance_floor",
        "UPDATE wallet_balance SET available_micros = -1",
    ),
    "holds_are_whole": ("UPDATE ledger_hold SET released_micros = released_micros + 1 WHERE state = 'released'",),
    "postings_have_calls": ("UPDATE model_call SET cost_micros = cost_micros + 1",),
    "postings_are_priced": ("UPDATE ledger_transaction SET price = '{{}}' WHERE kind = 'post'",),
    "calls_are_posted": ("DELETE FROM ledger_transaction WHERE id = {last}",),
    "keys_unique": (
        "DROP INDEX ledger_transaction_once",
        (
            "INSERT INTO ledger_transaction (kind, key, wallet_id, micros) "
            "SELECT kind, key, wallet_id, micros FROM ledger_transaction WHERE kind = 'top_up'"
        ),
    ),
    "budgets_are_folds": ("UPDATE budget_use SET spent_micros = spent_micros + 1",),
    "refunds_within_postings": (
        (
            "INSERT INTO ledger_transaction (kind, key, wallet_id, micros, refund_of) "
            "SELECT 'refund', 'x', wallet_id, 1000000, id FROM ledger_transaction WHERE id = {last}"
        ),
    ),
}


@asynccontextmanager
async def taken_back(db: Database) -> AsyncIterator[Tx]:
    """Give a transaction that is rolled back."""
    with suppress(_Undone):
        async with db.transaction() as tx:
            yield tx
            raise _Undone


class _Undone(Exception):
    """Takes a transaction back."""


async def alter(tx: Tx, *statements: str) -> None:
    """Change what nothing of ours changes."""
    await tx.driver.execute(UNGUARDED)
    for statement in statements:
        await tx.driver.execute(statement.format(last=LAST))


async def altered(books: Books, *statements: str) -> None:
    async with books.db.transaction() as tx:
        await alter(tx, *statements)


async def used(books: Books) -> str:
    """Use the ledger in every way: calls that ended and one that goes on, a budget, a refund; return the call."""
    payer = await books.payer(10_000)
    assert payer.wallet is not None
    await books.till.budget(NewBudget(f"user:{payer.user}", 100_000, soft_percents=(1,)))
    ended = await books.whole_call(Terms(payer))
    going_on = await books.accept(Terms(payer))
    await books.close(await books.open(going_on))
    (row,) = await books.db.fetch("SELECT id FROM ledger_transaction WHERE kind = 'post' AND request_id = $1", ended)
    await books.till.refund(row["id"], 5)
    await books.till.adjust(payer.wallet, -7)
    return ended


async def broken(books: Books, first: int = WHOLE) -> set[str]:
    return {finding.invariant for finding in await invariants.check(books.db, first) if finding.rows}


async def test_all_hold_over_a_ledger_in_use(books: Books) -> None:
    assert await broken(books) == set()
    await used(books)
    assert await broken(books) == set()


def test_each_invariant_has_a_way_to_break_it() -> None:
    assert set(BREAKS) == set(invariants.queries())


@pytest_asyncio.fixture(scope="module")
async def shared(database_url: str, empty_ledger: str) -> AsyncIterator[Books]:
    """A used ledger for tests that take back what they do."""
    async with scratch(database_url, empty_ledger) as url:
        database = Database(url)
        books = Books(database)
        await used(books)
        yield books
        await database.close()


@pytest.mark.parametrize("invariant", BREAKS)
async def test_what_breaks_one_is_seen_and_named(shared: Books, invariant: str) -> None:
    recent, query = await invariants.recent(shared.db), invariants.queries()[invariant]
    async with taken_back(shared.db) as tx:
        await alter(tx, *BREAKS[invariant])
        for first in (WHOLE, recent):
            found = await invariants.check_one(tx, invariant, query, first)
            assert found.rows >= 1
            assert found.sample
    assert await broken(shared) == set()


async def test_a_charged_calls_missing_posting_is_named(books: Books) -> None:
    call_id = await used(books)
    await altered(books, "DELETE FROM ledger_transaction WHERE kind = 'post'")
    (finding,) = [each for each in await invariants.check(books.db) if each.invariant == "calls_are_posted"]
    assert f"call {call_id}/call/1/1" in finding.sample


async def test_what_a_call_cost_without_being_charged_is_no_violation(books: Books) -> None:
    call_id = fresh("call")
    await books.db.fetch("INSERT INTO request (id, owner, kind) VALUES ($1, 'u', 'call')", call_id)
    await books.close(await books.open(call_id))
    assert await broken(books) == set()


async def test_a_removed_call_leaves_its_posting(books: Books) -> None:
    call_id = await used(books)
    await books.db.fetch("DELETE FROM model_call WHERE request_id = $1", call_id)
    assert await broken(books) == {"postings_have_calls"}
    await books.db.fetch("DELETE FROM request WHERE id = $1", call_id)
    assert await broken(books) == set()


async def test_a_budget_that_was_made_late_counts_what_came_after_it(books: Books) -> None:
    payer = await books.payer(10_000)
    call_id = await books.accept(Terms(payer))
    await books.close(await books.open(call_id))
    budget = await books.till.budget(NewBudget(f"user:{payer.user}", 100_000, hard=False))
    await books.close(await books.open(call_id, 2), USAGE.model_copy(update={"output_tokens": 1}))
    await books.end(call_id)
    assert await books.till.use(budget) == (12, 0)
    assert await broken(books) == set()


UPDATED = "UPDATE wallet_balance SET available_micros = available_micros + {change}"


async def test_a_check_leaves_what_it_found_and_an_alarm_for_each_change(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    await used(books)
    assert not any(finding.rows for finding in await checks.run(books.db))
    for change in (1, -1):
        await altered(books, UPDATED.format(change=change))
        with caplog.at_level(logging.ERROR, "longhaul.money"):
            await checks.run(books.db)
            await checks.run(books.db)
    alarms = await books.db.fetch("SELECT invariant, broken, over FROM ledger_alarm ORDER BY id")
    assert [(row["invariant"], row["broken"], row["over"]) for row in alarms] == [
        ("balances_are_folds", 1, False),
        ("balances_are_folds", 0, True),
    ]
    assert "the ledger breaks its invariant balances_are_folds in 1 rows: wallet wal_" in caplog.text
    standing = await checks.standing(books.db)
    assert {each.invariant for each in standing} == set(BREAKS)
    assert sum(each.broken for each in standing) == 0


async def test_what_is_old_is_looked_at_again_while_it_is_broken(books: Books) -> None:
    await used(books)
    await books.db.fetch("UPDATE model_call SET cost_micros = cost_micros + 1")
    assert any(finding.rows for finding in await checks.run(books.db))
    await altered(books, "UPDATE ledger_transaction SET at = at - interval '1 day'")
    found = {finding.invariant for finding in await checks.run(books.db) if finding.rows}
    assert "postings_have_calls" in found
