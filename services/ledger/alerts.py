"""Alerts of budgets, as postings left them: read by people, and told once to who wants to know."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.budget_alert import AlertState, BudgetAlert
from domain.errors import NotFound
from services.storage.driver import Row
from services.storage.statements import Statements

NEWEST: Final = 2**63 - 1

_SELECT: Final = """
    SELECT a.id, a.budget_id, b.tenant, b.subject, b.period, a.period_start, a.percent, a.spent_micros, a.limit_micros,
        a.at, a.state, a.attempts, a.status, a.error, a.told_at, b.webhook
    FROM budget_alert a JOIN budget b ON b.id = a.budget_id"""
_PAGE: Final = f"""{_SELECT}
    WHERE b.tenant = $1 AND a.id < $2 AND ($3::text IS NULL OR a.budget_id = $3) ORDER BY a.id DESC LIMIT $4"""
_PENDING: Final = f"{_SELECT} WHERE a.state = 'pending' AND a.attempts = 0 ORDER BY a.id LIMIT $1"
_READ: Final = f"{_SELECT} WHERE a.id = $1"
_NOTE: Final = """
    UPDATE budget_alert SET state = $2, attempts = attempts + 1, status = $3, error = $4,
        told_at = CASE WHEN $2 = 'told' THEN clock_timestamp() END
    WHERE id = $1 AND state = 'pending'"""


@dataclass(frozen=True)
class Tellable:
    """An alert, and where it is to be told; None: only in the log."""

    alert: BudgetAlert
    webhook: str | None


async def page(where: Statements, tenant: str, budget_id: str | None, before: int, limit: int) -> Sequence[BudgetAlert]:
    """Return the alerts of a tenant's budgets, the newest first, from behind (older than) the id `before` on."""
    return [_alert(row) for row in await where.fetch(_PAGE, tenant, before, budget_id, limit)]


async def untried(where: Statements, limit: int) -> Sequence[Tellable]:
    """Return alerts that nobody has tried to tell, the oldest first."""
    return [_tellable(row) for row in await where.fetch(_PENDING, limit)]


async def read(where: Statements, alert_id: int) -> Tellable:
    """Return an alert.

    Raises:
        NotFound: There is none, or its budget was removed.
    """
    rows = await where.fetch(_READ, alert_id)
    if not rows:
        raise NotFound("no such alert")
    return _tellable(rows[0])


async def note(
    where: Statements, alert_id: int, state: AlertState, *, status: int | None = None, error: str | None = None
) -> None:
    """Note what came of a try to tell an alert."""
    await where.fetch(_NOTE, alert_id, state.value, status, error)


def _tellable(row: Row) -> Tellable:
    return Tellable(_alert(row), row["webhook"])


def _alert(row: Row) -> BudgetAlert:
    return BudgetAlert(**{name: row[name] for name in BudgetAlert.model_fields})
