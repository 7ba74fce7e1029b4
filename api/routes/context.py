"""The project context: who works on what, given to the coordinator as data."""

from fastapi import APIRouter

from api.acting import ByOf
from api.bodies import StrictRoute
from api.caller import CallerOf
from api.parts import PartsOf
from api.problems import errors
from domain.context import ProjectContext
from services.storage import audit, contexts
from services.storage.audit import Act

router = APIRouter(prefix="/v1/context", tags=["context"], route_class=StrictRoute)


@router.get("", responses=errors(403, 503))
async def read_context(parts: PartsOf, caller: CallerOf) -> ProjectContext:
    """Read your project context; an empty one when you have given none."""
    async with parts.database.transaction() as tx:
        return await contexts.get(tx, caller.owner)


@router.put("", responses=errors(400, 403, 413, 415, 422, 503))
async def replace_context(body: ProjectContext, parts: PartsOf, caller: CallerOf, by: ByOf) -> ProjectContext:
    """Replace your project context: at most 64 KiB; keys beyond the known ones are kept as they are."""
    async with parts.database.transaction() as tx:
        await contexts.put(tx, caller.owner, body)
        await audit.record(tx, by, Act("context.replace", "context", caller.owner))
        return await contexts.get(tx, caller.owner)
