"""Budgets: what a tenant, a user or a key may spend, and the soft limits that were reached."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api.acting import ByOf
from api.alert_webhooks import check_alert_webhook
from api.bodies import StrictRoute
from api.caller import Caller, CallerOf
from api.documents.budgets import (
    AlertsDocument,
    AlertsQuery,
    BudgetChangeBody,
    BudgetsDocument,
    BudgetsQuery,
    NewBudgetBody,
)
from api.parts import PartsOf
from api.problems import errors, invalid, not_found
from domain.caller_errors import Forbidden
from domain.errors import NotFound
from domain.permissions import Permission
from services.ledger import alerts, budgets
from services.ledger.alerts import NEWEST
from services.ledger.budgets import BudgetView, NewBudget

router = APIRouter(prefix="/v1", tags=["money"], route_class=StrictRoute)

_ID_LENGTH = 36


async def _seen(
    id_: Annotated[str, Path(alias="id", examples=["bud_01932f6e8a7b7c3d9e0f1a2b3c4d5e6f"])],
    parts: PartsOf,
    caller: CallerOf,
) -> BudgetView:
    if len(id_) > _ID_LENGTH or not (id_.startswith("bud_") and id_.isascii() and id_.isprintable()):
        raise not_found("budget")
    return await budgets.read(parts.database, caller, id_)


BudgetOf = Annotated[BudgetView, Depends(_seen)]
"""The budget in the path; what the caller may not see is not found."""


@router.get("/budgets", responses=errors(403, 422, 503))
async def list_budgets(parts: PartsOf, caller: CallerOf, query: Annotated[BudgetsQuery, Query()]) -> BudgetsDocument:
    """List the budgets of your tenant, with what is used of each; who sees all tenants may name another."""
    tenant = _tenant(caller, query.tenant)
    if tenant is None:
        return BudgetsDocument(budgets=[], after=None)
    found = await budgets.page(parts.database, tenant, query.subject, query.after or "", query.limit + 1)
    more = len(found) > query.limit
    return BudgetsDocument(budgets=list(found[: query.limit]), after=found[query.limit - 1].id if more else None)


@router.post("/budgets", status_code=201, responses=errors(400, 403, 409, 413, 415, 422, 503))
async def add_budget(body: NewBudgetBody, parts: PartsOf, caller: CallerOf, by: ByOf, response: Response) -> BudgetView:
    """Give a tenant, a user or a key a budget. It counts what is charged from now on."""
    terms = body.terms()
    check_alert_webhook(parts, terms.webhook)
    async with parts.database.transaction() as tx:
        try:
            tenant = await budgets.owner_of(tx, caller, body.subject)
        except NotFound:
            raise invalid("unknown_subject", "/subject", "there is no such tenant, user or key") from None
        _may_set(caller, tenant, body.subject)
        budget_id = await budgets.create(tx, by, NewBudget(tenant, body.subject, body.period, terms))
    response.headers["Location"] = f"/v1/budgets/{budget_id}"
    return await budgets.read(parts.database, caller, budget_id)


@router.get("/budgets/{id}", responses=errors(403, 404, 503))
async def read_budget(budget: BudgetOf) -> BudgetView:
    """Read a budget, and what is used of it."""
    return budget


@router.patch("/budgets/{id}", responses=errors(400, 403, 404, 413, 415, 422, 503))
async def change_budget(
    budget: BudgetOf, body: BudgetChangeBody, parts: PartsOf, caller: CallerOf, by: ByOf
) -> BudgetView:
    """Change a budget's limit, its alerts, or whether it refuses; its subject and period stay."""
    _may_set(caller, budget.tenant, budget.subject)
    check_alert_webhook(parts, body.terms(budget).webhook)
    async with parts.database.transaction() as tx:
        present = await budgets.read_locked(tx, caller, budget.id)
        await budgets.change(tx, by, present, body.terms(present))
    return await budgets.read(parts.database, caller, budget.id)


@router.delete("/budgets/{id}", status_code=204, responses=errors(403, 404, 503))
async def remove_budget(budget: BudgetOf, parts: PartsOf, caller: CallerOf, by: ByOf) -> None:
    """Remove a budget; from then on it bounds nothing."""
    _may_set(caller, budget.tenant, budget.subject)
    async with parts.database.transaction() as tx:
        await budgets.delete(tx, by, budget)


@router.get("/budget-alerts", responses=errors(403, 422, 503))
async def list_budget_alerts(
    parts: PartsOf, caller: CallerOf, query: Annotated[AlertsQuery, Query()]
) -> AlertsDocument:
    """List the soft limits that your tenant's budgets have reached, newest first, and how the telling went."""
    tenant = _tenant(caller, query.tenant)
    if tenant is None:
        return AlertsDocument(alerts=[], before=None)
    found = await alerts.page(parts.database, tenant, query.budget, query.before or NEWEST, query.limit + 1)
    more = len(found) > query.limit
    return AlertsDocument(alerts=list(found[: query.limit]), before=found[query.limit - 1].id if more else None)


def _tenant(caller: Caller, wanted: str | None) -> str | None:
    """Return whose budgets to list, None: of a tenant that the caller does not see."""
    tenant = wanted or caller.tenant
    return tenant if budgets.may_see(caller, tenant) else None


def _may_set(caller: Caller, tenant: str, subject: str) -> None:
    """Go on if the caller may set this budget.

    Raises:
        Forbidden: It is a tenant's own, which its users are not to lift, and the caller does not run the installation.
    """
    if not budgets.may_set(caller, tenant, subject):
        raise Forbidden("the budgets of a tenant are set by who runs the installation", Permission.TENANTS_WRITE.value)
