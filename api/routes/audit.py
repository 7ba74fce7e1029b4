"""Searching the audit log, and taking it away."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from api.acting import ByOf
from api.caller import Caller, CallerOf
from api.documents.audit import AuditPage, AuditQuery, AuditRangeQuery
from api.parts import PartsOf
from api.problems import errors
from domain.caller import LOCAL_TENANT
from domain.caller_errors import Forbidden
from domain.permissions import Permission
from services.storage import audit
from services.storage.audit import Act
from services.storage.views.audit import AuditEntryView, AuditFilter, batches, list_page

LINES: Final = "application/x-ndjson"

router = APIRouter(prefix="/v1/audit", tags=["operations"])

_EXPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "One entry a line as in the page of a search, the oldest first. An answer that breaks off "
        "before its last chunk is not whole.",
        "content": {LINES: {"schema": {"type": "string"}}},
    }
}


@router.get("", responses=errors(403, 422, 503))
async def search_audit_log(parts: PartsOf, caller: CallerOf, query: Annotated[AuditQuery, Query()]) -> AuditPage:
    """Search the audit log of your tenant, newest first: who did what to which object, from where."""
    entries, cursor = await list_page(parts.database, _filter(caller, query), query.cursor, query.limit)
    return AuditPage(entries=entries, cursor=cursor)


@router.get("/export", response_class=StreamingResponse, responses={**_EXPORT, **errors(403, 422, 503)})
async def export_audit_log(
    parts: PartsOf, caller: CallerOf, by: ByOf, query: Annotated[AuditRangeQuery, Query()]
) -> StreamingResponse:
    """Take away the audit log of your tenant as JSON lines, whatever its length. That it was taken is noted in it."""
    narrowed = _filter(caller, query.model_copy(update={"until": query.until or datetime.now(UTC)}))
    asked = query.model_dump(mode="json", exclude_none=True)
    await audit.record(parts.database, by, Act("audit.export", "audit", narrowed.tenant or "*", asked))
    found = batches(parts.database, narrowed)
    nothing: list[AuditEntryView] = []
    first = await anext(found, nothing)  # what the database refuses is refused before the answer begins
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"', "Cache-Control": "no-store"}
    return StreamingResponse(_lines(first, found), media_type=LINES, headers=headers)


async def _lines(first: list[AuditEntryView], rest: AsyncGenerator[list[AuditEntryView]]) -> AsyncIterator[str]:
    async with aclosing(rest):
        yield _text(first)
        async for batch in rest:
            yield _text(batch)


def _text(batch: list[AuditEntryView]) -> str:
    return "".join(f"{entry.model_dump_json()}\n" for entry in batch)


def _filter(caller: Caller, query: AuditRangeQuery) -> AuditFilter:
    """Return what is looked for, within what the caller may see.

    Raises:
        Forbidden: It is another tenant's.
    """
    wanted: dict[str, Any] = query.model_dump(include=set(AuditRangeQuery.model_fields))
    if caller.tenant == LOCAL_TENANT:
        return AuditFilter(**wanted)
    if query.tenant not in {None, caller.tenant}:
        raise Forbidden("the audit log of another tenant is not yours to read", Permission.AUDIT_READ.value)
    wanted["tenant"] = caller.tenant
    return AuditFilter(**wanted)
