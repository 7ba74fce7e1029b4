"""Budgets: what a tenant, a user or a key may spend in a day, a month or in all; set by people, counted by postings."""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from domain import ids
from domain.caller import Caller
from domain.errors import Conflict, NotFound
from domain.permissions import Permission
from domain.value import Value
from services.storage import audit
from services.storage.audit import Act, By
from services.storage.database import Tx
from services.storage.driver import Row
from services.storage.limit_desk import tenant_of
from services.storage.statements import Statements

PER_SUBJECT: Final = 12
"""Budgets that one subject may have: each is locked and counted by every call."""

_SELECT: Final = """
    SELECT b.id, b.tenant, b.subject, b.period, b.limit_micros, b.soft_percents, b.hard, b.webhook, b.created_by,
        b.created_at, b.updated_at, s.since, coalesce(u.spent_micros, 0) AS spent_micros,
        coalesce(u.held_micros, 0) AS held_micros,
        greatest(b.limit_micros - coalesce(u.spent_micros + u.held_micros, 0), 0) AS left_micros
    FROM budget b CROSS JOIN LATERAL (SELECT longhaul_money_period(b.period, clock_timestamp()) AS since) AS s
    LEFT JOIN budget_use u ON u.budget_id = b.id AND u.period_start = s.since"""
_PAGE: Final = f"""{_SELECT}
    WHERE b.id > $1 AND b.tenant = $2 AND ($3::text IS NULL OR b.subject = $3) ORDER BY b.id LIMIT $4"""
_READ: Final = f"{_SELECT} WHERE b.id = $1"
_OF: Final = f"{_SELECT} WHERE b.subject = ANY ($1::text[]) ORDER BY b.id"
_COUNT: Final = "SELECT count(*) FROM budget WHERE subject = $1"
_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended('budget/' || $1, 0))"
_INSERT: Final = """
    INSERT INTO budget (id, tenant, subject, period, limit_micros, soft_percents, hard, webhook, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
_UPDATE: Final = """
    UPDATE budget SET limit_micros = $2, soft_percents = $3, hard = $4, webhook = $5, updated_at = clock_timestamp()
    WHERE id = $1 RETURNING id"""
_LOCK: Final = "SELECT 1 FROM budget WHERE id = $1 FOR UPDATE"
_DELETE: Final = "DELETE FROM budget WHERE id = $1 RETURNING id"


class Period(StrEnum):
    """For how long a budget counts; days and months of UTC."""

    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True)
class Terms:
    """What may be changed of a budget.

    Attributes:
        limit_micros: What may be spent in a period.
        soft_percents: The shares of it at which there is an alert.
        hard: Whether work beyond it is refused.
        webhook: Where alerts are told, None: nowhere.
    """

    limit_micros: int
    soft_percents: tuple[int, ...] = ()
    hard: bool = True
    webhook: str | None = None

    def columns(self) -> tuple[int, str, bool, str | None]:
        """Return the values as the statements take them."""
        return (self.limit_micros, json.dumps(sorted(set(self.soft_percents))), self.hard, self.webhook)


@dataclass(frozen=True)
class NewBudget:
    """A budget to make. `tenant`: the subject's own."""

    tenant: str
    subject: str
    period: Period
    terms: Terms


class BudgetView(Value):
    """A budget, and what of it is used in the present period, which began at `since`.

    Attributes:
        spent_micros: What was posted; `held_micros`: what is set aside for work under way.
        left_micros: What may still be set aside.
    """

    id: str
    tenant: str
    subject: str
    period: Period
    limit_micros: int
    soft_percents: tuple[int, ...]
    hard: bool
    webhook: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    since: datetime
    spent_micros: int
    held_micros: int
    left_micros: int


def may_set(caller: Caller, tenant: str, subject: str) -> bool:
    """Whether a caller may set this budget: a tenant's own is for who runs the installation, others for its admins."""
    runs_all = caller.may(Permission.TENANTS_WRITE)
    return caller.may(Permission.BUDGETS_WRITE) and (
        runs_all or (caller.tenant == tenant and not subject.startswith("tenant:"))
    )


def may_see(caller: Caller, tenant: str) -> bool:
    """Whether a caller may see the budgets of a tenant."""
    return caller.tenant == tenant or caller.may(Permission.TENANTS_READ)


async def page(where: Statements, tenant: str, subject: str | None, after: str, limit: int) -> Sequence[BudgetView]:
    """Return the budgets of a tenant, the oldest first, from behind the id `after` on."""
    return [_view(row) for row in await where.fetch(_PAGE, after, tenant, subject, limit)]


async def read(where: Statements, caller: Caller, budget_id: str) -> BudgetView:
    """Return a budget.

    Raises:
        NotFound: There is none, or it is not the caller's to see.
    """
    rows = await where.fetch(_READ, budget_id)
    if not rows or not may_see(caller, rows[0]["tenant"]):
        raise NotFound("no such budget")
    return _view(rows[0])


async def read_locked(tx: Tx, caller: Caller, budget_id: str) -> BudgetView:
    """Return a budget that nobody else changes before the transaction ends; else as `read`."""
    await tx.fetch(_LOCK, budget_id)
    return await read(tx, caller, budget_id)


async def of_subjects(where: Statements, subjects: Sequence[str]) -> list[BudgetView]:
    """Return all budgets of some subjects, the oldest first."""
    return [_view(row) for row in await where.fetch(_OF, list(subjects))]


async def owner_of(tx: Tx, caller: Caller, subject: str) -> str:
    """Return the tenant of a subject.

    Raises:
        NotFound: There is no such tenant, user or key, or the caller may not know of it.
    """
    tenant = await tenant_of(tx, subject)
    if not may_see(caller, tenant):
        raise NotFound(f"there is no such {subject.partition(':')[0]}")
    return tenant


async def create(tx: Tx, by: By, new: NewBudget) -> str:
    """Make a budget and return its id. It counts what is posted from now on.

    Raises:
        Conflict: The subject has as many as it may have.
    """
    subject, terms = new.subject, new.terms
    await tx.fetch(_TURN, subject)
    if (await tx.fetch(_COUNT, subject))[0]["count"] >= PER_SUBJECT:
        raise Conflict(f"a tenant, user or key has at most {PER_SUBJECT} budgets")
    budget_id = f"bud_{ids.uuid7_hex(time.time_ns() // 1_000_000, secrets.randbits(80))}"
    await tx.fetch(_INSERT, budget_id, new.tenant, subject, new.period.value, *terms.columns(), by.actor)
    await audit.record(tx, by, _act("create", budget_id, subject, terms, period=new.period.value))
    return budget_id


async def change(tx: Tx, by: By, budget: BudgetView, terms: Terms) -> None:
    """Give a budget other terms; what is spent and set aside stays counted.

    Raises:
        NotFound: It was removed meanwhile.
    """
    if not await tx.fetch(_UPDATE, budget.id, *terms.columns()):
        raise NotFound("no such budget")
    await audit.record(tx, by, _act("change", budget.id, budget.subject, terms, before=budget.limit_micros))


async def delete(tx: Tx, by: By, budget: BudgetView) -> None:
    """Remove a budget; what was counted in it stays on record.

    Raises:
        NotFound: It was removed meanwhile.
    """
    if not await tx.fetch(_DELETE, budget.id):
        raise NotFound("no such budget")
    await audit.record(tx, by, Act("budget.delete", "budget", budget.id, {"subject": budget.subject}))


def _act(verb: str, budget_id: str, subject: str, terms: Terms, **more: Any) -> Act:
    told = {"subject": subject, "limit_micros": terms.limit_micros, "hard": terms.hard, **more}
    return Act(f"budget.{verb}", "budget", budget_id, {**told, "soft_percents": list(terms.soft_percents)})


def _view(row: Row) -> BudgetView:
    return BudgetView(**dict(row))
