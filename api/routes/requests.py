"""Submitting, listing and reading requests."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.bodies import StrictRoute
from api.caller import CallerOf
from api.documents.links import links_of, path_of
from api.documents.requests import AcceptedDocument, NewRequestBody, RequestDocument, RequestPage
from api.parameters import IdempotencyKey, Name, RequestId
from api.parts import PartsOf
from api.problems import errors
from api.reading.requests import document_of, page_of
from api.submitting import Submission, check_message, idempotency_of, submit
from api.waiting import MAX_WAIT_S, load_ended, load_request
from domain.request import Phase
from services.storage.views.requests import Filter, list_page


class ListQuery(BaseModel):
    """What to list."""

    model_config = ConfigDict(extra="forbid")

    phase: Phase | None = None
    conversation_id: Name | None = None
    user_id: Name | None = None
    q: Name | None = Field(default=None, description="Words of the message, or of what was understood of it.")
    cursor: str | None = Field(default=None, max_length=100, description="From the page before.")
    limit: int = Field(default=50, ge=1, le=100)


router = APIRouter(prefix="/v1/requests", tags=["requests"], route_class=StrictRoute)
ROUTE = "POST /v1/requests"


@router.post("", status_code=202, responses=errors(400, 403, 413, 415, 422, 503))
async def submit_request(
    body: NewRequestBody, parts: PartsOf, caller: CallerOf, response: Response, key: IdempotencyKey = None
) -> AcceptedDocument:
    """Accept a request. It is understood, planned, run and answered on its own; follow its `links`."""
    check_message(body.message)
    submission = Submission(
        message=body.message,
        options=body.options,
        conversation_id=body.conversation_id,
        user_id=body.user_id,
        idempotency=idempotency_of(ROUTE, key, body),
    )
    accepted = await submit(parts, caller, submission)
    phase = Phase.ACCEPTED
    if not accepted.created:
        phase = (await load_request(parts, caller, accepted.request_id)).phase
    response.headers["Location"] = path_of(accepted.request_id)
    return AcceptedDocument(id=accepted.request_id, phase=phase, links=links_of(parts, accepted.request_id))


@router.get("", responses=errors(403, 422, 503))
async def list_requests(
    parts: PartsOf,
    caller: CallerOf,
    query: Annotated[ListQuery, Query()],
) -> RequestPage:
    """List your requests, newest first."""
    narrowed = Filter(query.phase, query.conversation_id, query.user_id, query.q)
    async with parts.database.transaction() as tx:
        views, cursor = await list_page(tx, caller.owner, narrowed, query.cursor, query.limit)
        return await page_of(tx, views, cursor)


@router.get("/{request_id}", responses=errors(403, 404, 422, 503))
async def read_request(
    request_id: RequestId,
    parts: PartsOf,
    caller: CallerOf,
    wait: Annotated[int, Query(ge=0, le=MAX_WAIT_S, description="Seconds to wait for the end.")] = 0,
) -> RequestDocument:
    """Read a request as it stands, or with `wait` as soon as it has ended."""
    view = await load_ended(parts, caller, request_id, wait)
    async with parts.database.transaction() as tx:
        return await document_of(tx, parts, view)
