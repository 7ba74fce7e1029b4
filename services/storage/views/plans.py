"""Plans: a version and how its steps stand."""

from datetime import datetime

from sqlalchemy import select

from domain.errors import NotFound
from domain.plan import Plan
from domain.value import Value
from services.storage.database import Tx
from services.storage.tables import PlanVersion, Request, table
from services.storage.views.requests import check_owner
from services.storage.views.steps import StepView, states

_PLAN = table(PlanVersion)
_REQUEST = table(Request)


class PlanView(Value):
    """One version of a plan, with the steps' present state."""

    request_id: str
    plan: Plan
    created_at: datetime
    steps: tuple[StepView, ...]


async def plan(tx: Tx, owner: str, request_id: str, version: int | None = None) -> PlanView:
    """Return one version, the newest by default.

    Raises:
        NotFound: No such request or version, or another owner's.
    """
    await check_owner(tx, owner, request_id)
    query = select(_PLAN).where(_PLAN.c.request_id == request_id).order_by(_PLAN.c.version.desc()).limit(1)
    if version is not None:
        query = query.where(_PLAN.c.version == version)
    row = (await tx.connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound("no such plan")
    found = Plan.model_validate(row["plan"])
    return PlanView(
        request_id=request_id,
        plan=found,
        created_at=row["created_at"],
        steps=await states(tx, request_id, found.steps),
    )


async def versions(tx: Tx, owner: str, request_id: str) -> list[Plan]:
    """Return all versions, oldest first; empty when there is no plan yet.

    Raises:
        NotFound: No such request, or another owner's.
    """
    await check_owner(tx, owner, request_id)
    query = select(_PLAN.c.plan).where(_PLAN.c.request_id == request_id).order_by(_PLAN.c.version)
    return [Plan.model_validate(data) for data in (await tx.connection.execute(query)).scalars()]


async def newest_of_user(tx: Tx, owner: str, user_id: str) -> PlanView:
    """Return the plan of the user's newest request that has one.

    Raises:
        NotFound: There is none.
    """
    r = _REQUEST.c
    query = select(r.id).where(r.owner == owner, r.user_id == user_id, r.plan_version > 0)
    request_id = (await tx.connection.execute(query.order_by(r.id.desc()).limit(1))).scalar()
    if request_id is None:
        raise NotFound("this user has no plan")
    return await plan(tx, owner, request_id)
