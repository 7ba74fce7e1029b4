"""Forking a request from a step."""

from fastapi import APIRouter, Response

from api.bodies import StrictRoute
from api.caller import CallerOf
from api.documents.links import links_of, path_of
from api.documents.messages import ForkBody, ForkedDocument
from api.forks import prepare_fork
from api.parameters import IdempotencyKey, RequestId
from api.parts import PartsOf
from api.problems import errors
from api.submitting import idempotency_of, submit

router = APIRouter(prefix="/v1/requests/{request_id}", tags=["requests"], route_class=StrictRoute)


@router.post("/fork", status_code=201, responses=errors(400, 402, 403, 404, 409, 413, 415, 422, 503))
async def fork_request(
    request_id: RequestId,
    body: ForkBody,
    parts: PartsOf,
    caller: CallerOf,
    response: Response,
    key: IdempotencyKey = None,
) -> ForkedDocument:
    """Run a finished or running request again from a step on, with edits; the results before it are kept."""
    idempotency = idempotency_of(f"POST {path_of(request_id)}/fork", body.message_id or key, body)
    fork = await prepare_fork(parts, caller, request_id, body, idempotency)
    accepted = await submit(parts, caller, fork.submission)
    response.headers["Location"] = path_of(accepted.request_id)
    links = links_of(parts, accepted.request_id)
    return ForkedDocument(id=accepted.request_id, kept=fork.kept, rerun=fork.rerun, links=links)
