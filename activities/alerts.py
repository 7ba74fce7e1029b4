"""The Alerts port: a line in the log for each alert of a budget, and one signed POST an attempt for its webhook."""

import json
import logging
from datetime import UTC, datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.errors import Mapped
from activities.heartbeat import Beating
from contracts.money import AlertRef, Alerts, OpenAlerts, OpenedAlerts
from domain.budget_alert import AlertState, BudgetAlert, state_of, told
from domain.errors import NotFound
from domain.webhook import pause_after
from services.ledger import alerts
from services.ledger.alerts import Tellable
from services.net.webhooks import REFUSED, Receipt, WebhookSender
from services.storage.database import Database

NOT_TOLD = "AlertNotTold"
"""The type of the error that has Temporal try again."""

_log = logging.getLogger("longhaul.money")


class ToldAlerts(Alerts):
    """Alerts in the database, told by webhook."""

    def __init__(self, db: Database, sender: WebhookSender) -> None:
        self._db = db
        self._sender = sender

    @activity.defn(name="open_alerts")
    async def open_alerts(self, request: OpenAlerts) -> OpenedAlerts:
        """Log the alerts that are new, and return those whose webhook is to be sent."""
        with Mapped():
            async with Beating():
                found = await alerts.untried(self._db, request.limit)
                for each in found:
                    await self._open(each)
        told_by_webhook = (each.alert for each in found if each.webhook is not None)
        return OpenedAlerts(
            alerts=tuple(AlertRef(budget_id=alert.budget_id, alert_id=alert.id) for alert in told_by_webhook)
        )

    async def _open(self, found: Tellable) -> None:
        """Log an alert; one that nobody else is to be told of is told by that."""
        _log.warning("a budget has reached a soft limit: %s", _words(found.alert))
        if found.webhook is None:
            await alerts.note(self._db, found.alert.id, AlertState.TOLD)

    @activity.defn(name="tell_alert")
    async def tell_alert(self, alert: AlertRef) -> None:
        """Send the signed news of an alert, once; Temporal retries. What came of it is on record."""
        with Mapped():
            try:
                found = await alerts.read(self._db, alert.alert_id)
            except NotFound:
                return  # its budget was removed: nobody wants to know any more
            if found.alert.state is not AlertState.PENDING:
                return
            if found.webhook is None:  # it was taken away after a try: the log has it
                await alerts.note(self._db, alert.alert_id, AlertState.TOLD)
                return
            await self._tell(found.alert, found.webhook)

    async def _tell(self, alert: BudgetAlert, url: str) -> None:
        body = json.dumps(told(alert), separators=(",", ":")).encode()
        receipt = await self._sender.send(url, f"budget_alert_{alert.id}", body)
        state = state_of(receipt.status, datetime.now(UTC) - alert.at, refused=receipt.error == REFUSED)
        await alerts.note(self._db, alert.id, state, status=receipt.status, error=receipt.error)
        _conclude(alert, state, receipt)


def _words(alert: BudgetAlert) -> str:
    return (
        f"{alert.subject}, budget {alert.budget_id}, {alert.percent} % of {alert.limit_micros} micro-units, "
        f"{alert.spent_micros} spent since {alert.period_start.isoformat()}"
    )


def _conclude(alert: BudgetAlert, state: AlertState, receipt: Receipt) -> None:
    """Return when no other try is to come.

    Raises:
        ApplicationError: One is.
    """
    answer = receipt.error or f"status {receipt.status}"
    if state is AlertState.PENDING:
        raise ApplicationError(
            f"not told: {answer}",
            type=NOT_TOLD,
            next_retry_delay=pause_after(receipt.retry_after_s),
            category=ApplicationErrorCategory.BENIGN,
        )
    if state is AlertState.GAVE_UP:
        _log.warning("the webhook of budget alert %d is not tried again: %s", alert.id, answer)
