"""What each function of the ledger promises, one by one."""

import asyncpg
import pytest

from domain.caller_errors import BudgetSpent, FundsOnHold, InsufficientFunds
from domain.errors import Conflict, InvalidInput, NotFound
from domain.ledger import MOST_MICROS, Payer
from tests.ledger.till import NewBudget, Post, Till, fresh

FOREIGN = [0, -1, -(10**15), MOST_MICROS + 1, 2**63 - 1]


async def test_a_hold_sets_money_aside_and_a_release_gives_it_back(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    request = await till.held(payer, 400)
    assert await till.balance(payer.wallet) == (600, 400)
    assert await till.release(request) == 400
    assert await till.balance(payer.wallet) == (1000, 0)
    assert await till.broken(payer.wallet) == []


async def test_a_posting_is_paid_by_its_hold_first_then_by_what_is_available_the_rest_is_lost(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    request = await till.held(payer, 400)
    assert await till.post(Post(request, 300))
    assert await till.balance(payer.wallet) == (600, 100)
    assert await till.post(Post(request, 900, n=2))
    assert await till.balance(payer.wallet) == (0, 0)
    sums = await till.sums(payer.wallet)
    assert (sums["revenue"], sums["loss"]) == (1200, -200)
    row = await till.hold_row(request)
    assert (row["posted_micros"], row["over_micros"], row["lost_micros"]) == (400, 600, 200)
    assert await till.release(request) == 0
    assert await till.broken(payer.wallet) == []


async def test_a_posting_after_the_release_is_still_charged(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    request = await till.held(payer, 400)
    await till.release(request)
    assert await till.post(Post(request, 300))
    assert await till.balance(payer.wallet) == (700, 0)


async def test_the_journals_usage_and_price_stand_beside_the_posting(till: Till) -> None:
    payer = await till.payer(1000)
    request = await till.held(payer, 400)
    await till.db.fetch(
        "INSERT INTO model_call (request_id, slot, round, n, model, process, usage, price) "
        """VALUES ($1, 'call', 1, 1, 'm', 'p', '{"input_tokens": 3}', '{"input_micros": 7}')""",
        request,
    )
    await till.post(Post(request, 21))
    query = "SELECT usage, price, slot, round, n FROM ledger_transaction WHERE kind = 'post' AND hold_id = $1"
    (row,) = await till.db.fetch(query, request)
    assert dict(row) == {"usage": {"input_tokens": 3}, "price": {"input_micros": 7}, "slot": "call", "round": 1, "n": 1}


async def test_too_little_money_is_told_from_money_that_is_held(till: Till) -> None:
    payer = await till.payer(1000)
    await till.held(payer, 800)
    with pytest.raises(FundsOnHold) as waiting:
        await till.held(payer, 300)
    assert (waiting.value.wanted_micros, waiting.value.available_micros) == (300, 200)
    assert waiting.value.retry_after_s > 0
    with pytest.raises(InsufficientFunds) as short:
        await till.held(payer, 1001)
    assert (short.value.wanted_micros, short.value.available_micros) == (1001, 200)


async def test_a_hold_may_be_content_with_less(till: Till) -> None:
    payer = await till.payer(1000)
    assert await till.hold(fresh("req"), payer, 5000, least=900) == 1000
    with pytest.raises(FundsOnHold):
        await till.hold(fresh("req"), payer, 5000, least=900)


async def test_a_credit_line_with_an_end_goes_below_zero_down_to_its_floor(till: Till) -> None:
    wallet = await till.open(-500)
    payer = Payer(wallet, fresh("ten"), fresh("usr"))
    request = await till.held(payer, 500)
    assert await till.balance(wallet) == (-500, 500)
    with pytest.raises(FundsOnHold):
        await till.held(payer, 1)
    await till.post(Post(request, 600))
    assert await till.balance(wallet) == (-500, 0)
    assert (await till.sums(wallet))["loss"] == -100
    with pytest.raises(InsufficientFunds):
        await till.held(payer, 1)


async def test_a_credit_line_without_end_holds_nothing_and_keeps_no_balance(till: Till) -> None:
    wallet = await till.open(None)
    payer = Payer(wallet, fresh("ten"), fresh("usr"))
    request = fresh("req")
    await till.row(request, payer)
    assert await till.hold(request, payer, 10**15) is None
    assert await till.post(Post(request, 700))
    assert await till.sums(wallet) == {"available": -700, "revenue": 700}
    assert await till.db.fetch("SELECT 1 FROM wallet_balance WHERE wallet_id = $1", wallet) == []
    assert await till.release(request) is None


async def test_a_credit_lines_hard_budget_is_held(till: Till) -> None:
    payer = Payer(await till.open(None), fresh("ten"), fresh("usr"))
    budget = await till.budget(NewBudget(f"user:{payer.user}", 1000))
    request = await till.held(payer, 600)
    assert await till.use(budget) == (0, 600)
    with pytest.raises(FundsOnHold):
        await till.held(payer, 600)
    await till.post(Post(request, 500))
    await till.release(request)
    assert await till.use(budget) == (500, 0)
    with pytest.raises(BudgetSpent) as spent:
        await till.held(payer, 600)
    assert (spent.value.budget, spent.value.available_micros) == (budget, 500)


async def test_a_repeated_hold_changes_nothing_and_another_of_its_id_is_refused(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    request = await till.held(payer, 400)
    assert await till.hold(request, payer, 400) == 400
    assert await till.balance(payer.wallet) == (600, 400)
    with pytest.raises(Conflict):
        await till.hold(request, payer, 401)
    await till.release(request)
    with pytest.raises(Conflict):
        await till.hold(request, payer, 400)


async def test_a_repeated_posting_changes_nothing_and_another_amount_is_refused(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    request = await till.held(payer, 400)
    assert await till.post(Post(request, 100))
    assert not await till.post(Post(request, 100))
    assert await till.balance(payer.wallet) == (600, 300)
    with pytest.raises(Conflict):
        await till.post(Post(request, 101))


async def test_nobody_pays_for_nothing_or_without_a_wallet(till: Till) -> None:
    payer = Payer(None, fresh("ten"), fresh("usr"))
    request = fresh("req")
    await till.row(request, payer)
    assert not await till.post(Post(request, 100))
    rich = await till.payer(1000)
    assert not await till.post(Post(await till.held(rich, 10), 0))


async def test_a_hold_is_raised_wholly_or_not_at_all(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    request = await till.held(payer, 400)
    assert await till.extend(request, 700) == 700
    assert await till.extend(request, 500) == 700
    assert await till.balance(payer.wallet) == (300, 700)
    with pytest.raises(InsufficientFunds):
        await till.extend(request, 2000)
    assert await till.balance(payer.wallet) == (300, 700)
    assert await till.extend(fresh("req"), 10) is None
    await till.release(request)
    with pytest.raises(Conflict):
        await till.extend(request, 900)


async def test_only_a_hold_whose_time_is_over_expires(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    young, old = await till.held(payer, 100), fresh("req")
    await till.hold(old, payer, 200, expires_s=-1)
    assert await till.expire(young) is None
    assert await till.expire(old) == 200
    assert await till.expire(old) is None
    assert (await till.hold_row(old))["state"] == "expired"
    assert await till.balance(payer.wallet) == (900, 100)


async def test_money_comes_in_once_for_a_key(till: Till) -> None:
    wallet = await till.open()
    first = await till.top_up(wallet, 500, "invoice-1")
    assert await till.top_up(wallet, 500, "invoice-1") == first
    assert await till.balance(wallet) == (500, 0)
    with pytest.raises(Conflict):
        await till.top_up(wallet, 501, "invoice-1")
    other = await till.open()
    assert await till.top_up(other, 501, "invoice-1") != first


async def test_an_adjustment_takes_nothing_that_is_held_or_not_there(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    await till.held(payer, 400)
    with pytest.raises(FundsOnHold):
        await till.adjust(payer.wallet, -700)
    with pytest.raises(InsufficientFunds):
        await till.adjust(payer.wallet, -1100)
    await till.adjust(payer.wallet, -600)
    await till.adjust(payer.wallet, 50)
    assert await till.balance(payer.wallet) == (50, 400)
    assert (await till.sums(payer.wallet))["adjustment"] == 550


async def test_a_posting_is_given_back_in_parts_and_never_more_than_was_paid(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    request = await till.held(payer, 400)
    await till.post(Post(request, 300))
    posting = await till.posting(Post(request, 300))
    first = await till.refund(posting, 100, "a")
    assert await till.refund(posting, 100, "a") == first
    with pytest.raises(Conflict):
        await till.refund(posting, 201)
    await till.refund(posting, None)
    with pytest.raises(Conflict):
        await till.refund(posting, None)
    with pytest.raises(Conflict):
        await till.refund(posting, 1)
    assert await till.balance(payer.wallet) == (900, 100)
    with pytest.raises(NotFound):
        await till.refund(first, 1)


async def test_what_we_lost_is_not_given_back(till: Till) -> None:
    payer = await till.payer(100)
    assert payer.wallet is not None
    request = await till.held(payer, 100)
    await till.post(Post(request, 150))
    posting = await till.posting(Post(request, 150))
    with pytest.raises(Conflict):
        await till.refund(posting, 101)
    await till.refund(posting, None)
    assert await till.balance(payer.wallet) == (100, 0)


@pytest.mark.parametrize("micros", FOREIGN)
async def test_enormous_and_negative_amounts_are_refused(till: Till, micros: int) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    request = await till.held(payer, 400)
    posted = Post(request, 300)
    await till.post(posted)
    for refused in (
        till.hold(fresh("req"), payer, micros),
        till.top_up(payer.wallet, micros),
        till.extend(request, micros),
        till.refund(await till.posting(posted), micros),
    ):
        with pytest.raises((InvalidInput, Conflict)):
            await refused
    if micros != 0:
        with pytest.raises(InvalidInput):
            await till.post(Post(request, micros, n=2))
    if not -MOST_MICROS <= micros < 0:
        with pytest.raises(InvalidInput):
            await till.adjust(payer.wallet, micros)
    assert await till.balance(payer.wallet) == (600, 100)


async def test_a_wallet_never_overflows(till: Till) -> None:
    payer = await till.payer(MOST_MICROS)
    assert payer.wallet is not None
    await till.held(payer, MOST_MICROS)
    for _ in range(999):
        await till.top_up(payer.wallet, MOST_MICROS)
    with pytest.raises(InvalidInput):
        await till.top_up(payer.wallet, 1)
    assert await till.balance(payer.wallet) == (10**18 - MOST_MICROS, MOST_MICROS)


async def test_currencies_do_not_mix(till: Till) -> None:
    euros = await till.open(currency="EUR")
    await till.top_up(euros, 1000)
    payer = Payer(euros, fresh("ten"), fresh("usr"))
    with pytest.raises(InvalidInput):
        await till.held(payer, 10)
    dollars = await till.prepaid(10)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await _entries(
            till, dollars, (f"wallet:{euros}:available", "EUR", 5), (f"wallet:{dollars}:available", "USD", -5)
        )
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await _entries(
            till, dollars, (f"wallet:{euros}:available", "USD", 5), (f"wallet:{dollars}:available", "USD", -5)
        )
    with pytest.raises(InvalidInput):
        await till.open(currency="usd")


async def test_what_does_not_sum_to_zero_is_refused_at_the_commit(till: Till) -> None:
    wallet = await till.prepaid(10)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await _entries(till, wallet, (f"wallet:{wallet}:available", "USD", 5))


async def _entries(till: Till, wallet: str, *entries: tuple[str, str, int]) -> None:
    async with till.db.transaction() as tx:
        number = await tx.driver.fetchval(
            "INSERT INTO ledger_transaction (kind, key, wallet_id, micros) VALUES ('adjust', $1, $2, 5) RETURNING id",
            fresh("k"),
            wallet,
        )
        for account, currency, micros in entries:
            await tx.driver.execute(
                "INSERT INTO ledger_entry VALUES ($1, $2, $3, $4)", number, account, currency, micros
            )


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_transaction", "budget_posting"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET micros = micros", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_ledger_is_append_only(till: Till, table: str, statement: str) -> None:
    payer = await till.payer(10)
    await till.budget(NewBudget(f"user:{payer.user}", 10))
    await till.post(Post(await till.held(payer, 10), 10))
    with pytest.raises(asyncpg.RestrictViolationError):
        await till.db.fetch(statement.format(table))


async def test_a_closed_wallet_takes_neither_money_nor_work(till: Till) -> None:
    payer = await till.payer(1000)
    assert payer.wallet is not None
    await till.db.fetch("UPDATE wallet SET closed_at = clock_timestamp() WHERE id = $1", payer.wallet)
    with pytest.raises(InsufficientFunds):
        await till.held(payer, 10)
    with pytest.raises(Conflict):
        await till.top_up(payer.wallet, 10)
    with pytest.raises(NotFound):
        await till.held(Payer("wal_none", "t", "u"), 10)


async def test_a_floor_moves_only_as_far_as_the_money_reaches(till: Till) -> None:
    wallet = await till.open(-500)
    payer = Payer(wallet, fresh("ten"), fresh("usr"))
    await till.held(payer, 300)
    with pytest.raises(InsufficientFunds):
        await till.one("SELECT longhaul_money_floor($1, 0)", wallet)
    await till.one("SELECT longhaul_money_floor($1, -300)", wallet)
    with pytest.raises(FundsOnHold):
        await till.held(payer, 1)
    with pytest.raises(InvalidInput):
        await till.one("SELECT longhaul_money_floor($1, 1)", wallet)
    with pytest.raises(InvalidInput):
        await till.one("SELECT longhaul_money_floor($1, 0)", await till.open(None))
