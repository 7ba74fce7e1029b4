"""The workflows that keep the ledger true: a check that fails when it is not, and the closing of orphaned holds."""

from temporalio import workflow
from temporalio.common import Priority, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from contracts.money import (
    BATCHES_A_RUN,
    CHECK_LEDGER,
    CHECK_WORK,
    LEDGER_VIOLATED,
    MONEY_WORK,
    RECONCILE_LEDGER,
    TELL_ALERT,
    AlertRef,
    Alerts,
    CheckLedger,
    LedgerChecked,
    Money,
    OpenAlerts,
    Reconcile,
    Reconciled,
)
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from contracts.webhooks import webhook_work

LEAST_URGENT = 5
"""The priority of alerts on the queue that they share with the webhooks of jobs."""


@workflow.defn(name=CHECK_LEDGER)
class CheckLedgerWorkflow:
    """Begins to tell new alerts of budgets, and checks every invariant."""

    @workflow.run
    async def run(self, request: CheckLedger) -> LedgerChecked:
        """Check.

        Raises:
            ApplicationError: An invariant does not hold; its details are the `LedgerChecked`.
        """
        opened = await workflow.execute_activity_method(Alerts.open_alerts, OpenAlerts(), **MONEY_WORK)
        for alert in opened.alerts:
            await _tell(alert)
        checked = await workflow.execute_activity_method(Money.check_ledger, request, **CHECK_WORK)
        if checked.violations:
            broken = ", ".join(f"{each.invariant} ({each.rows})" for each in checked.violations)
            raise ApplicationError(
                f"the ledger is not as it must be: {broken}", checked, type=LEDGER_VIOLATED, non_retryable=True
            )
        return checked


async def _tell(alert: AlertRef) -> None:
    """Have an alert told by a workflow of its own, once, however long its receiver takes."""
    try:
        await workflow.start_child_workflow(
            TELL_ALERT,
            alert,
            id=f"{alert.budget_id}/alert/{alert.alert_id}",
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=ParentClosePolicy.ABANDON,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            static_summary="alert of a budget",
        )
    except WorkflowAlreadyStartedError:
        return


@workflow.defn(name=TELL_ALERT)
class TellAlertWorkflow:
    """Tells one alert to its budget's webhook."""

    @workflow.run
    async def run(self, alert: AlertRef) -> None:
        """Tell it; what came of it is on record."""
        priority = Priority(priority_key=LEAST_URGENT)
        options = webhook_work(workflow.info().task_queue, priority)
        await workflow.execute_activity_method(Alerts.tell_alert, alert, summary="webhook", **options)


@workflow.defn(name=RECONCILE_LEDGER)
class ReconcileLedgerWorkflow:
    """Closes orphaned holds, batch by batch."""

    @workflow.run
    async def run(self, request: Reconcile) -> Reconciled:
        """Look at every open hold once, or at as many as one run may; the next run begins anew."""
        total = Reconciled()
        for _ in range(BATCHES_A_RUN):
            batch = await workflow.execute_activity_method(Money.reconcile_ledger, request, **MONEY_WORK)
            total = _added(total, batch)
            request = request.model_copy(update={"after": batch.after})
            if not batch.after:
                break
        return total


def _added(total: Reconciled, batch: Reconciled) -> Reconciled:
    return Reconciled(
        seen=total.seen + batch.seen,
        closed=total.closed + batch.closed,
        posted_micros=total.posted_micros + batch.posted_micros,
        after=batch.after,
    )
