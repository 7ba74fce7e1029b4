"""What a request has cost."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.caller import CallerOf
from api.parameters import RequestId
from api.parts import PartsOf
from api.problems import errors
from services.storage.views import calls as calls_view
from services.storage.views import requests as requests_view
from services.storage.views.calls import CallView

router = APIRouter(prefix="/v1/requests/{request_id}", tags=["requests"])


class CostsDocument(BaseModel):
    """Costs in micro-units. `total_micros` includes sub-requests; the other sums and `calls` are the request's own."""

    request_id: str
    total_micros: int
    budget_micros: int | None
    by_slot: dict[str, int] = Field(description="A step's id, `<step>@evaluate`, or one of the coordinator's slots.")
    by_model: dict[str, int]
    calls: list[CallView] = Field(description="Oldest first.")


@router.get("/costs", responses=errors(403, 404, 503))
async def read_costs(request_id: RequestId, parts: PartsOf, caller: CallerOf) -> CostsDocument:
    """Read what the request has cost so far, call by call."""
    async with parts.database.transaction() as tx:
        view = await requests_view.get(tx, caller.owner, request_id)
        costs = await calls_view.costs(tx, caller.owner, request_id)
        calls = await calls_view.calls(tx, caller.owner, request_id)
    return CostsDocument(
        request_id=request_id,
        total_micros=view.cost_micros,
        budget_micros=view.options.budget_micros,
        by_slot=costs.by_slot,
        by_model=costs.by_model,
        calls=calls,
    )
