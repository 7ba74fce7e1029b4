"""Budgets nest: a tenant's, a user's and a key's all count the same work, each in its period."""

import asyncio

import pytest

from domain.caller_errors import BudgetSpent, FundsOnHold
from domain.ledger import Payer
from tests.ledger.till import NewBudget, Post, Till, fresh

YESTERDAY = (
    "UPDATE budget_use SET period_start = period_start - interval '1 day' WHERE budget_id = $1",
    """
    UPDATE ledger_hold SET reservations = (
        SELECT jsonb_agg(jsonb_set(r, '{since}', to_jsonb((r->>'since')::timestamptz - interval '1 day')))
        FROM jsonb_array_elements(reservations) AS r) WHERE id = $1""",
)


async def test_the_tightest_of_three_bounds_the_work_and_all_count_it(till: Till) -> None:
    payer = await till.payer(10_000)
    of_tenant = await till.budget(NewBudget(f"tenant:{payer.tenant}", 5000, "month"))
    of_user = await till.budget(NewBudget(f"user:{payer.user}", 900, "day"))
    of_key = await till.budget(NewBudget(f"key:{payer.key_id}", 2000))
    assert await till.hold(fresh("req"), payer, 1500, least=100) == 900
    with pytest.raises(FundsOnHold):
        await till.held(payer, 100)
    other_user = Payer(payer.wallet, payer.tenant, fresh("usr"), payer.key_id)
    request = await till.held(other_user, 1000)
    await till.post(Post(request, 1000))
    await till.release(request)
    assert [await till.use(each) for each in (of_tenant, of_user, of_key)] == [(1000, 900), (0, 900), (1000, 900)]
    with pytest.raises(BudgetSpent) as spent:
        await till.held(other_user, 1001)
    assert spent.value.budget == of_key


async def test_work_counts_in_the_period_in_which_it_began(till: Till) -> None:
    payer = await till.payer(10_000)
    budget = await till.budget(NewBudget(f"user:{payer.user}", 1000, "day"))
    request = await till.held(payer, 1000)
    await till.db.fetch(YESTERDAY[0], budget)
    await till.db.fetch(YESTERDAY[1], request)
    today = await till.held(payer, 1000)
    await till.post(Post(request, 700))
    await till.release(request)
    await till.post(Post(today, 300))
    query = "SELECT spent_micros, held_micros FROM budget_use WHERE budget_id = $1 ORDER BY period_start"
    rows = await till.db.fetch(query, budget)
    assert [(row["spent_micros"], row["held_micros"]) for row in rows] == [(700, 0), (300, 700)]


@pytest.mark.parametrize(
    ("period", "now", "since"),
    [
        ("day", "2026-03-01T00:30:00+02:00", "2026-02-28T00:00:00Z"),
        ("month", "2026-03-01T00:30:00+02:00", "2026-02-01T00:00:00Z"),
        ("month", "2028-02-29T23:59:59.999999Z", "2028-02-01T00:00:00Z"),
        ("day", "2026-03-29T01:30:00Z", "2026-03-29T00:00:00Z"),
        ("day", "2026-12-31T20:00:00-05:00", "2027-01-01T00:00:00Z"),
        ("total", "2026-03-01T00:30:00Z", "1970-01-01T00:00:00Z"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/New_York"])
async def test_periods_begin_in_utc_wherever_the_database_is(
    till: Till, period: str, now: str, since: str, zone: str
) -> None:
    async with till.db.transaction() as tx:
        await tx.driver.execute(f"SET LOCAL TimeZone = '{zone}'")
        query = "SELECT longhaul_money_period($1, $2::text::timestamptz) = $3::text::timestamptz AS same"
        (row,) = await tx.fetch(query, period, now, since)
    assert row["same"] is True


async def test_a_soft_budget_refuses_nothing_and_tells_each_line_once(till: Till) -> None:
    payer = await till.payer(10_000)
    budget = await till.budget(NewBudget(f"tenant:{payer.tenant}", 1000, hard=False, soft_percents=(50, 100)))
    request = await till.held(payer, 5000)
    for n, micros in enumerate((400, 200, 300, 900), 1):
        await till.post(Post(request, micros, n))
    query = "SELECT percent, spent_micros FROM budget_alert WHERE budget_id = $1 ORDER BY percent"
    assert [tuple(row.values()) for row in await till.db.fetch(query, budget)] == [(50, 600), (100, 1800)]


async def test_work_beyond_a_hold_counts_in_full(till: Till) -> None:
    payer = await till.payer(10_000)
    budget = await till.budget(NewBudget(f"user:{payer.user}", 1000))
    request = await till.held(payer, 400)
    await till.post(Post(request, 1500))
    assert await till.use(budget) == (1500, 0)
    await till.release(request)
    assert await till.use(budget) == (1500, 0)


async def test_a_budget_that_came_later_counts_what_is_posted_from_then_on(till: Till) -> None:
    payer = await till.payer(10_000)
    request = await till.held(payer, 400)
    budget = await till.budget(NewBudget(f"user:{payer.user}", 1000))
    await till.post(Post(request, 300))
    assert await till.use(budget) == (300, 0)
    with pytest.raises(BudgetSpent):
        await till.extend(request, 1200)
    assert await till.extend(request, 500) == 500
    await till.release(request)
    assert await till.use(budget) == (300, 0)


async def test_a_raised_hold_is_raised_in_its_budgets(till: Till) -> None:
    payer = await till.payer(10_000)
    budget = await till.budget(NewBudget(f"key:{payer.key_id}", 1000))
    request = await till.held(payer, 400)
    await till.extend(request, 900)
    assert await till.use(budget) == (0, 900)
    with pytest.raises(BudgetSpent):
        await till.extend(request, 2000)
    await till.release(request)
    assert await till.use(budget) == (0, 0)


async def test_a_budget_never_lets_more_begin_than_it_has(till: Till) -> None:
    payers = [Payer(await till.open(None), "ten_crowd", fresh("usr"), fresh("key")) for _ in range(4)]
    budget = await till.budget(NewBudget("tenant:ten_crowd", 1000))
    for payer in payers:
        await till.budget(NewBudget(f"user:{payer.user}", 400))

    async def work(payer: Payer) -> int:
        try:
            request = await till.held(payer, 50)
        except (FundsOnHold, BudgetSpent):
            return 0
        await till.post(Post(request, 50))
        await till.release(request)
        return 50

    spent = sum(await asyncio.gather(*(work(payers[turn % 4]) for turn in range(120))))
    assert await till.use(budget) == (spent, 0)
    assert spent <= 1000
