"""Costs as a document."""

from api.caller import Caller
from api.documents.costs import CostsDocument
from api.parts import Parts
from services.storage.views import calls as calls_view
from services.storage.views import requests as requests_view


async def load_costs(parts: Parts, caller: Caller, request_id: str) -> CostsDocument:
    """Return what a request has cost so far, call by call.

    Raises:
        NotFound: There is no such request, or it is another owner's.
    """
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
