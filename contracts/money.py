"""The care of the ledger: checks, the closing of orphaned holds, the telling of alerts; by schedule, as workflows.

A request's workflow asks something of it, too: that a raised budget is held before it is taken.
A broken invariant is an alarm: the check's workflow fails and names it, so that it is seen in Temporal's web page.
"""

from abc import ABC, abstractmethod
from datetime import timedelta

from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from contracts.policies import HEARTBEAT_TIMEOUT, NON_RETRYABLE, ActivityOptions
from domain.errors import Problem
from domain.value import Value

CHECK_LEDGER = "CheckLedgerWorkflow"
"""Takes `CheckLedger`, gives `LedgerChecked`; fails when an invariant is broken. The schedule's: `ledger/check`."""

RECONCILE_LEDGER = "ReconcileLedgerWorkflow"
"""Takes `Reconcile`, gives `Reconciled`. The schedule's has the id `ledger/reconcile`."""

TELL_ALERT = "TellAlertWorkflow"
"""Takes `AlertRef`; one for each alert of a budget that has a webhook, with the id `<budget>/alert/<alert>`."""

LEDGER_VIOLATED = "LedgerViolated"
"""The type of the error that a check fails with."""

BATCH = 50
"""Holds that one activity looks at, and alerts that one check begins to tell."""

BATCHES_A_RUN = 20
"""Batches of one run of the reconciler; the next run goes on with those that were not looked at for longest."""

MONEY_WORK = ActivityOptions(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=10), non_retryable_error_types=NON_RETRYABLE),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
"""Options of all activities here but the checks, the sending of webhooks and `raise_hold`: each may run again."""

CHECK_WORK = ActivityOptions(
    start_to_close_timeout=timedelta(minutes=25),
    schedule_to_close_timeout=timedelta(minutes=28),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=MONEY_WORK["retry_policy"],
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
"""Options of the checks: over a large ledger every query may take its whole time (`services.ledger.invariants`)."""


class CheckLedger(Value):
    """Check every invariant, and begin to tell the alerts of budgets that were not told yet.

    `whole`: over the whole ledger; null: when that is due, else over what is new.
    """

    whole: bool | None = None


class Violation(Value):
    """An invariant that does not hold. `rows`: how many rows say so; `sample`: some of them, without amounts."""

    invariant: str
    rows: int
    sample: tuple[str, ...] = ()


class LedgerChecked(Value):
    """What a check found. `invariants`: how many were checked."""

    invariants: int
    violations: tuple[Violation, ...] = ()


class Reconcile(Value):
    """Close orphaned holds.

    Attributes:
        after: The last hold that the batch before this has seen. It is not due again, so nothing begins behind it.
        start_grace_s: How long a hold is left alone whose work has not begun or whose time is over.
        look_every_s: How long any other is left alone, after it was made or looked at.
    """

    after: str = ""
    start_grace_s: float = 120.0
    look_every_s: float = 600.0


class Reconciled(Value):
    """What a batch, or a run, did.

    Attributes:
        seen: Holds that were looked at.
        closed: Holds that were orphaned, and are closed now.
        posted_micros: What they were charged for calls whose cost had not been posted.
        after: The last hold seen; empty: there are no more.
    """

    seen: int = 0
    closed: int = 0
    posted_micros: int = 0
    after: str = ""


class RaiseHold(Value):
    """Hold `to_micros` in all for a request."""

    request_id: str
    to_micros: int


class RaisedHold(Value):
    """What came of it. `problems`: why no more is held than before; none: so much is, or nothing needs to be."""

    problems: tuple[Problem, ...] = ()


class AlertRef(Value):
    """An alert of a budget."""

    budget_id: str
    alert_id: int


class OpenAlerts(Value):
    """Log the alerts that are new. `limit`: so many at once."""

    limit: int = BATCH


class OpenedAlerts(Value):
    """The alerts whose webhook is to be sent."""

    alerts: tuple[AlertRef, ...] = ()


class Money(ABC):
    """The care of the ledger."""

    @abstractmethod
    @activity.defn(name="check_ledger")
    async def check_ledger(self, request: CheckLedger) -> LedgerChecked:
        """Check every invariant; what is found is on record, in the log and in the metrics."""

    @abstractmethod
    @activity.defn(name="reconcile_ledger")
    async def reconcile_ledger(self, request: Reconcile) -> Reconciled:
        """Close the orphaned holds of a batch, by evidence; holds of work under way are left alone."""

    @abstractmethod
    @activity.defn(name="raise_hold")
    async def raise_hold(self, request: RaiseHold) -> RaisedHold:
        """Hold more for a request whose budget is to be raised; a repeat changes nothing. Fit for a local activity."""


class Alerts(ABC):
    """Telling that a line of a budget was crossed."""

    @abstractmethod
    @activity.defn(name="open_alerts")
    async def open_alerts(self, request: OpenAlerts) -> OpenedAlerts:
        """Log the alerts that are new, and return those whose webhook is to be sent."""

    @abstractmethod
    @activity.defn(name="tell_alert")
    async def tell_alert(self, alert: AlertRef) -> None:
        """Send the signed news of an alert, once; Temporal retries. What came of it is on record."""
