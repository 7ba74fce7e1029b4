"""Submitting, listing and reading requests."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.bodies import StrictRoute
from api.caller import CallerOf
from api.documents.links import links_of, path_of
from api.documents.requests import AcceptedDocument, ListQuery, NewRequestBody, RequestDocument, RequestPage
from api.on_behalf import AskingOf
from api.parameters import IdempotencyKey, RequestId
from api.parts import PartsOf
from api.problems import errors
from api.reading.requests import load_document, load_page
from api.submitting import submit_new
from api.waiting import MAX_WAIT_S, load_ended, load_request
from domain.permissions import Permission
from domain.request import Phase

router = APIRouter(prefix="/v1/requests", tags=["requests"], route_class=StrictRoute)


@router.post("", status_code=202, responses=errors(400, 402, 403, 409, 413, 415, 422, 503))
async def submit_request(
    body: NewRequestBody, parts: PartsOf, asking: AskingOf, response: Response, key: IdempotencyKey = None
) -> AcceptedDocument:
    """Accept a request. It is understood, planned, run and answered on its own; follow its `links`."""
    caller = await asking.as_user(body.user_id, Permission.REQUESTS_CREATE)
    accepted = await submit_new(parts, caller, body, key)
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
    return await load_page(parts, caller, query)


@router.get("/{request_id}", responses=errors(403, 404, 422, 503))
async def read_request(
    request_id: RequestId,
    parts: PartsOf,
    caller: CallerOf,
    wait: Annotated[int, Query(ge=0, le=MAX_WAIT_S, description="Seconds to wait for the end.")] = 0,
) -> RequestDocument:
    """Read a request as it stands, or with `wait` as soon as it has ended."""
    return await load_document(parts, await load_ended(parts, caller, request_id, wait))
