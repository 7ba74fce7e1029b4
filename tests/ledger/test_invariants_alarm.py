"""The care of the ledger as Temporal runs it: a check that fails when something is wrong, alerts that are told, holds
that are closed when their workflows are gone.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities.alerts import ToldAlerts
from activities.money import StoredMoney
from api.scraping.answer import read_pool
from api.scraping.ledger_families import ledger_families
from composition.workers import sandbox
from contracts.money import (
    CHECK_LEDGER,
    CHECK_WORK,
    LEDGER_VIOLATED,
    RECONCILE_LEDGER,
    CheckLedger,
    LedgerChecked,
    Reconcile,
    Reconciled,
)
from contracts.webhooks import webhook_queue
from domain.budget import cost
from domain.webhook_signature import Secrets
from runtime import temporal
from runtime.schedules import RUN_LIMIT, ensure_ledger_check_schedule, ensure_reconcile_schedule
from runtime.settings import Settings
from services.ledger import alerts, invariants
from services.net.webhooks import WebhookSender
from tests.ledger.books import PRICE, USAGE, Books, Terms
from tests.ledger.till import NewBudget, fresh
from tests.net.receiver import SECRET, Receiver, is_signed, receiving
from workflows.registry import WORKFLOWS

COST = cost(USAGE, PRICE)
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest_asyncio.fixture(scope="module")
async def connected(settings: Settings, temporal_address: str) -> Client:
    return await temporal.connect(settings.model_copy(update={"temporal_address": temporal_address}))


@pytest_asyncio.fixture
async def queue(connected: Client, books: Books) -> AsyncIterator[str]:
    """A task queue whose worker cares for the test's own ledger."""
    name = fresh("money")
    money = StoredMoney(books.db)
    async with WebhookSender(Secrets.parse(SECRET), allow_private=True, timeout_s=2) as sender:
        told = ToldAlerts(books.db, sender)
        care: list[Callable[..., Any]] = [money.check_ledger, money.reconcile_ledger, told.open_alerts]
        async with (
            Worker(connected, task_queue=name, workflows=[*WORKFLOWS], activities=care, workflow_runner=sandbox()),
            Worker(connected, task_queue=webhook_queue(name), activities=[told.tell_alert]),
        ):
            yield name


async def checked(client: Client, queue: str) -> LedgerChecked:
    handle: WorkflowHandle[object, LedgerChecked] = await client.start_workflow(
        CHECK_LEDGER, CheckLedger(), id=fresh("check"), task_queue=queue, result_type=LedgerChecked
    )
    return await handle.result()


async def reconciled(client: Client, queue: str) -> Reconciled:
    request = Reconcile(start_grace_s=0, look_every_s=0)
    handle: WorkflowHandle[object, Reconciled] = await client.start_workflow(
        RECONCILE_LEDGER, request, id=fresh("reconcile"), task_queue=queue, result_type=Reconciled
    )
    return await handle.result()


async def figures(books: Books) -> dict[str, float]:
    """Return the gauge by invariant, as a scrape tells it."""
    pool = await read_pool(books.db)
    assert pool is not None
    (violations, _) = ledger_families(pool.ledger)
    return {sample.labels["invariant"]: sample.value for sample in violations.samples}


async def test_a_sound_ledger_is_said_to_be_sound(connected: Client, queue: str, books: Books) -> None:
    await books.whole_call(Terms(await books.payer(1000)))
    assert await checked(connected, queue) == LedgerChecked(invariants=len(invariants.queries()))
    assert set((await figures(books)).values()) == {0.0}


async def test_a_broken_invariant_is_a_failed_run_an_error_in_the_log_and_a_gauge(
    connected: Client, queue: str, books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    await books.whole_call(Terms(await books.payer(1000)))
    await books.db.fetch("UPDATE wallet_balance SET available_micros = available_micros + 1")
    with caplog.at_level(logging.ERROR), pytest.raises(WorkflowFailureError) as failed:
        await checked(connected, queue)
    error = failed.value.cause
    assert isinstance(error, ApplicationError)
    assert error.type == LEDGER_VIOLATED
    assert "balances_are_folds (1)" in str(error)
    assert (await figures(books))["balances_are_folds"] == 1.0
    assert "the ledger breaks its invariant balances_are_folds" in caplog.text


async def test_a_crossed_line_is_told_once_signed_and_in_the_log(
    connected: Client, queue: str, books: Books, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    payer = await books.payer(1000)
    url = receiver.hook(503, 204)
    budget = await books.till.budget(NewBudget(f"user:{payer.user}", COST, soft_percents=(50,), hard=False))
    quiet = await books.till.budget(NewBudget(f"key:{payer.key_id}", COST, soft_percents=(50,), hard=False))
    await books.db.fetch("UPDATE budget SET webhook = $2 WHERE id = $1", budget, url)
    await books.whole_call(Terms(payer))
    with caplog.at_level(logging.WARNING):
        await checked(connected, queue)
        await checked(connected, queue)

    async def told() -> bool:
        rows = await books.db.fetch("SELECT state FROM budget_alert WHERE budget_id = $1", budget)
        return [row["state"] for row in rows] == ["told"]

    async with asyncio.timeout(PATIENCE_S):
        while not await told():
            await asyncio.sleep(0.05)
    seen = receiver.at(url)
    assert len(seen) == 2
    assert seen[0].body == seen[1].body
    assert is_signed(seen[1], SECRET)
    news = json.loads(seen[1].body)
    assert news["type"] == "budget.alert"
    assert (news["data"]["budget_id"], news["data"]["percent"], news["data"]["spent_micros"]) == (budget, 50, COST)
    (row,) = await books.db.fetch("SELECT * FROM budget_alert WHERE budget_id = $1", budget)
    assert (row["attempts"], row["status"]) == (2, 204)
    (row,) = await books.db.fetch("SELECT state, attempts FROM budget_alert WHERE budget_id = $1", quiet)
    assert (row["state"], row["attempts"]) == ("told", 1)
    assert f"budget {quiet}, 50 %" in caplog.text
    assert await alerts.untried(books.db, 10) == []


async def test_a_receiver_that_wants_no_more_ends_the_telling(
    connected: Client, queue: str, books: Books, receiver: Receiver
) -> None:
    payer = await books.payer(1000)
    budget = await books.till.budget(NewBudget(f"user:{payer.user}", COST, soft_percents=(50,), hard=False))
    await books.db.fetch("UPDATE budget SET webhook = $2 WHERE id = $1", budget, receiver.hook(410))
    await books.whole_call(Terms(payer))
    await checked(connected, queue)
    async with asyncio.timeout(PATIENCE_S):
        while not await books.db.fetch("SELECT FROM budget_alert WHERE state = 'gave_up' AND status = 410"):
            await asyncio.sleep(0.05)


async def test_holds_of_running_workflows_stay_and_those_of_terminated_ones_are_closed(
    connected: Client, queue: str, books: Books
) -> None:
    payer = await books.payer(1000)
    assert payer.wallet is not None
    running, dead, never = [await books.accept(Terms(payer, expires_s=0)) for _ in range(3)]
    await books.open(dead)
    handles = [
        await connected.start_workflow(CHECK_LEDGER, CheckLedger(), id=name, task_queue=fresh("nobody"))
        for name in (running, dead)
    ]
    await handles[1].terminate()
    try:
        done = await reconciled(connected, queue)
        assert done == Reconciled(seen=3, closed=2, posted_micros=USAGE.input_tokens)
        assert await books.till.balance(payer.wallet) == (900 - USAGE.input_tokens, 100)
        assert await reconciled(connected, queue) == Reconciled(seen=1)
        rows = await books.db.fetch("SELECT id, state FROM ledger_hold")
        states = {row["id"]: row["state"] for row in rows}
        assert states == {running: "open", dead: "expired", never: "expired"}
    finally:
        await handles[0].terminate()
    assert (await checked(connected, queue)).violations == ()


async def test_a_hold_that_cannot_be_closed_keeps_no_other_waiting(
    connected: Client, queue: str, books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    payer = await books.payer(1000)
    assert payer.wallet is not None
    stuck, _ = await books.accept(Terms(payer)), await books.accept(Terms(payer))
    await books.open(stuck)
    await books.db.fetch("""UPDATE model_call SET price = '{"input_micros": -1}'""")
    with caplog.at_level(logging.ERROR):
        assert await reconciled(connected, queue) == Reconciled(seen=2, closed=1)
    assert f"the hold {stuck} cannot be closed: unexpected ValidationError" in caplog.text
    rows = await books.db.fetch("SELECT id, looked_at IS NOT NULL AS looked FROM ledger_hold WHERE state = 'open'")
    assert [(row["id"], row["looked"]) for row in rows] == [(stuck, True)]


def test_every_query_may_take_its_time_within_a_check() -> None:
    all_of_them = len(invariants.queries()) * (invariants.WITHIN_S + 5)
    assert timedelta(seconds=all_of_them) < CHECK_WORK["start_to_close_timeout"] < RUN_LIMIT
    assert CHECK_WORK["schedule_to_close_timeout"] < RUN_LIMIT


async def test_more_than_a_batch_is_closed_in_one_run(connected: Client, queue: str, books: Books) -> None:
    payer = await books.payer(10_000)
    for _ in range(60):
        await books.accept(Terms(payer))
    assert await reconciled(connected, queue) == Reconciled(seen=60, closed=60)
    assert payer.wallet is not None
    assert await books.till.balance(payer.wallet) == (10_000, 0)


async def test_the_schedules_run_both(connected: Client, queue: str, books: Books) -> None:
    check, reconcile = fresh("schedule"), fresh("schedule")
    call_id = await books.accept(Terms(await books.payer(1000)))
    await books.db.fetch("UPDATE ledger_hold SET created_at = created_at - interval '1 hour'")
    try:
        assert await ensure_ledger_check_schedule(connected, queue, 3600, schedule_id=check)
        assert await ensure_reconcile_schedule(connected, queue, 3600, schedule_id=reconcile)
        for name in (check, reconcile):
            handle = connected.get_schedule_handle(name)
            assert (await handle.describe()).schedule.spec.intervals[0].every == timedelta(seconds=3600)
            await handle.trigger()
        async with asyncio.timeout(PATIENCE_S):
            while not await books.db.fetch("SELECT FROM ledger_hold WHERE id = $1 AND state <> 'open'", call_id):
                await asyncio.sleep(0.05)
            while not await books.db.fetch("SELECT FROM ledger_check"):
                await asyncio.sleep(0.05)
    finally:
        for name in (check, reconcile):
            await connected.get_schedule_handle(name).delete()
    ran = connected.get_workflow_handle(await _run_of(connected, "ledger/reconcile"))
    assert (await ran.describe()).status in (WorkflowExecutionStatus.COMPLETED, WorkflowExecutionStatus.RUNNING)


async def _run_of(client: Client, prefix: str) -> str:
    async for run in client.list_workflows(f"WorkflowId STARTS_WITH '{prefix}'"):
        return run.id
    raise AssertionError(prefix)
