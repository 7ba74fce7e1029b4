"""A soft limit of a budget that was reached, and what its webhook is told of it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from domain.value import Value
from domain.webhook import DeliveryState, state_after

BUDGET_ALERT: Final = "budget.alert"
"""The type of the event that is told."""


class AlertState(StrEnum):
    """How far the telling is."""

    PENDING = "pending"
    TOLD = "told"
    """The webhook took it; or there is none, and the log has it."""
    GAVE_UP = "gave_up"
    """The webhook was tried for a day, refused it for good, or leads to an address that is not connected to."""


class BudgetAlert(Value):
    """A soft limit that was reached.

    Attributes:
        percent: The share of the limit that it stands at.
        spent_micros: What was spent with the posting that reached it.
        limit_micros: The budget's limit at that time.
        period_start: When the period began that it was reached in.
        attempts, status, error: How the telling went: tries, the last answer's HTTP status, or why there was none.
    """

    id: int
    budget_id: str
    tenant: str
    subject: str
    period: str
    period_start: datetime
    percent: int
    spent_micros: int
    limit_micros: int
    at: datetime
    state: AlertState = AlertState.PENDING
    attempts: int = 0
    status: int | None = None
    error: str | None = None
    told_at: datetime | None = None


def told(alert: BudgetAlert) -> dict[str, Any]:
    """Return what a webhook says of an alert: the same each time it is sent."""
    data = alert.model_dump(mode="json", include=_TOLD)
    return {"type": BUDGET_ALERT, "timestamp": alert.at.isoformat(), "data": data}


def state_of(status: int | None, since: timedelta, *, refused: bool) -> AlertState:
    """Say what a try means.

    Args:
        status: The answer's HTTP status, None when there was none.
        since: How long ago the limit was reached.
        refused: Whether the address is one that is not connected to.
    """
    state = DeliveryState.REFUSED if refused else state_after(status, since)
    if state is DeliveryState.DELIVERED:
        return AlertState.TOLD
    return AlertState.PENDING if state is DeliveryState.RETRYING else AlertState.GAVE_UP


_TOLD: Final = {
    "id",
    "budget_id",
    "tenant",
    "subject",
    "period",
    "period_start",
    "percent",
    "spent_micros",
    "limit_micros",
}
