"""The audit of the model pool."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.documents.pool import PoolChangesDocument, PoolChangesQuery
from api.parts import PoolOf
from api.problems import errors
from services.llm.admin import ChangeFilter

router = APIRouter(prefix="/v1/pool/changes", tags=["pool"])


@router.get("", responses=errors(403, 422, 503))
async def list_pool_changes(pool: PoolOf, query: Annotated[PoolChangesQuery, Query()]) -> PoolChangesDocument:
    """List who changed what, newest first. Of a credential it says only that it was set or removed."""
    narrowed = ChangeFilter(kind=query.kind, object_id=query.object_id)
    changes, before = await pool.changes(narrowed, query.before, query.limit)
    return PoolChangesDocument(changes=changes, before=before)
