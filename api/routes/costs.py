"""What a request has cost."""

from fastapi import APIRouter

from api.caller import CallerOf
from api.documents.costs import CostsDocument
from api.parameters import RequestId
from api.parts import PartsOf
from api.problems import errors
from api.reading.costs import load_costs

router = APIRouter(prefix="/v1/requests/{request_id}", tags=["requests"])


@router.get("/costs", responses=errors(403, 404, 503))
async def read_costs(request_id: RequestId, parts: PartsOf, caller: CallerOf) -> CostsDocument:
    """Read what the request has cost so far, call by call."""
    return await load_costs(parts, caller, request_id)
