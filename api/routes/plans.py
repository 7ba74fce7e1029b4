"""Reading plans: a version, the difference of two, one step in full."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.caller import CallerOf
from api.documents.plans import PlanDiff, PlanDocument, StepDocument
from api.parameters import RequestId, StepId
from api.parts import PartsOf
from api.problems import errors, not_found
from api.reading.plans import diff, load_plan, whole_step
from domain.plan import Plan
from services.storage.views import plans as plans_view

router = APIRouter(prefix="/v1/requests/{request_id}", tags=["plans"])
Version = Annotated[int, Query(ge=1, le=1_000_000)]


@router.get("/plan", responses=errors(403, 404, 422, 503))
async def read_plan(
    request_id: RequestId, parts: PartsOf, caller: CallerOf, version: Version | None = None
) -> PlanDocument:
    """Read the plan, its newest version by default. Texts are cut to 2,000 characters and say so."""
    return await load_plan(parts, caller, request_id, version)


@router.get("/plan/diff", responses=errors(403, 404, 422, 503))
async def read_difference(
    request_id: RequestId,
    parts: PartsOf,
    caller: CallerOf,
    old: Annotated[int, Query(alias="from", ge=1)],
    new: Annotated[int, Query(alias="to", ge=1)],
) -> PlanDiff:
    """Compare two versions of the plan."""
    async with parts.database.transaction() as tx:
        versions = await plans_view.versions(tx, caller.owner, request_id)
    by_number = {plan.version: plan for plan in versions}
    return diff(request_id, _version(by_number, old), _version(by_number, new))


@router.get("/steps/{step_id}", responses=errors(403, 404, 503))
async def read_step(request_id: RequestId, step_id: StepId, parts: PartsOf, caller: CallerOf) -> StepDocument:
    """Read one step of the newest plan with its whole prompt and result."""
    async with parts.database.transaction() as tx:
        view = await plans_view.plan(tx, caller.owner, request_id)
        for step in view.steps:
            if step.step.id == step_id:
                return await whole_step(tx, step)
    raise not_found("step")


def _version(versions: dict[int, Plan], number: int) -> Plan:
    if number not in versions:
        raise not_found("version of the plan")
    return versions[number]
