"""Workflows that look after the installation."""

import secrets

from contracts.money import CHECK_LEDGER, RECONCILE_LEDGER, CheckLedger, LedgerChecked, Reconcile, Reconciled
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from contracts.purging import PURGE, Purge, Purged
from domain.purging import Keep
from tests.replay.scenarios.scenario import Kept, scenario
from tests.workflows.product import Product


@scenario("what is old is removed, one kind after another")
async def purged(product: Product) -> Kept:
    handle = await product.temporal.start_workflow(
        PURGE,
        Purge(keep=Keep(log_days=3650, lease_days=3650, call_days=3650, key_days=3650)),
        id=f"purge/{secrets.token_hex(4)}",
        task_queue=product.task_queue,
        task_timeout=WORKFLOW_TASK_TIMEOUT,
        result_type=Purged,
    )
    await handle.result()
    return {"": handle}


@scenario("the ledger is checked, and an alert is told by a workflow of its own")
async def ledger_checked(product: Product) -> Kept:
    assert product.services is not None
    budget = f"bud_{secrets.token_hex(16)}"
    db = product.services.db
    await db.fetch(
        "INSERT INTO budget (id, tenant, subject, period, limit_micros, soft_percents, hard, webhook, created_by) "
        "VALUES ($1, 'default', 'user:nobody', 'total', 100, '[50]', false, 'https://127.0.0.1/alerts', 'local')",
        budget,
    )
    (alert,) = await db.fetch(
        "INSERT INTO budget_alert (budget_id, percent, spent_micros, limit_micros) "
        "VALUES ($1, 50, 50, 100) RETURNING id",
        budget,
    )
    handle = await product.temporal.start_workflow(
        CHECK_LEDGER,
        CheckLedger(),
        id=f"ledger/check/{secrets.token_hex(4)}",
        task_queue=product.task_queue,
        task_timeout=WORKFLOW_TASK_TIMEOUT,
        result_type=LedgerChecked,
    )
    await handle.result()
    telling = product.temporal.get_workflow_handle(f"{budget}/alert/{alert['id']}")
    await telling.result()
    return {"": handle, "alert": telling}


@scenario("orphaned holds are looked for")
async def ledger_reconciled(product: Product) -> Kept:
    handle = await product.temporal.start_workflow(
        RECONCILE_LEDGER,
        Reconcile(),
        id=f"ledger/reconcile/{secrets.token_hex(4)}",
        task_queue=product.task_queue,
        task_timeout=WORKFLOW_TASK_TIMEOUT,
        result_type=Reconciled,
    )
    await handle.result()
    return {"": handle}
