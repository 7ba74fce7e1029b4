"""S1's endpoints: process a message, try the tools, read a plan by id, read a user's newest plan."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api import tool_trials
from api.bodies import StrictRoute
from api.caller import Caller, CallerOf
from api.documents.central_agent import ActionPlan, ProcessAnswer, ProcessBody, TrialBody
from api.documents.links import links_of, path_of
from api.documents.requests import AcceptedDocument
from api.on_behalf import AskingOf
from api.parameters import IdempotencyKey, Name, RequestId
from api.parts import Parts, PartsOf
from api.problems import errors
from api.reading.central_agent import action_plan, process_answer
from api.submitting import Submission, check_message, idempotency_of, submit
from api.waiting import load_ended
from domain.permissions import Permission
from domain.request import Options
from services.storage.views import plans as plans_view
from services.storage.views import requests as requests_view

router = APIRouter(prefix="/central-agent", tags=["central-agent"], route_class=StrictRoute)
ROUTE = "POST /central-agent/process"


@router.post(
    "/process",
    responses={
        202: {"model": AcceptedDocument, "description": "Not ended within `wait`; follow the links."},
        **errors(400, 402, 403, 409, 413, 415, 422, 503),
    },
)
async def process(
    body: ProcessBody, parts: PartsOf, asking: AskingOf, response: Response, key: IdempotencyKey = None
) -> ProcessAnswer | AcceptedDocument:
    """Process a message and wait for its end, `wait` seconds at most; then 202 with its id and links.

    `userId` is yours, or you may act for others (`act_as`); of nobody who is known here it is a mere label.
    """
    check_message(body.message)
    caller = await asking.as_user(body.user_id, Permission.REQUESTS_CREATE)
    submission = Submission(
        message=body.message, options=Options(), user_id=body.user_id, idempotency=idempotency_of(ROUTE, key, body)
    )
    accepted = await submit(parts, caller, submission)
    return await _ended(parts, caller, accepted.request_id, body.wait, response)


@router.post(
    "/test-mcp",
    responses={
        202: {"model": AcceptedDocument, "description": "Not ended within `wait`; follow the links."},
        **errors(400, 402, 403, 409, 413, 415, 422, 503),
    },
)
async def try_tools(
    body: TrialBody, parts: PartsOf, caller: CallerOf, response: Response
) -> ProcessAnswer | AcceptedDocument:
    """Call Jira or Confluence once, through the tool server `atlassian`, as a request with a plan of one step."""
    accepted = await submit(parts, caller, tool_trials.submission_of(body.test_case))
    return await _ended(parts, caller, accepted.request_id, body.wait, response)


async def _ended(
    parts: Parts, caller: Caller, request_id: str, wait: int, response: Response
) -> ProcessAnswer | AcceptedDocument:
    """Return how a request ended, or that it has not."""
    view = await load_ended(parts, caller, request_id, wait)
    if not view.phase.is_end:
        response.status_code = 202
        response.headers["Location"] = path_of(view.id)
        return AcceptedDocument(id=view.id, phase=view.phase, links=links_of(parts, view.id))
    async with parts.database.transaction() as tx:
        return await process_answer(tx, view)


@router.get("/plan/{request_id}", responses=errors(403, 404, 503))
async def read_plan(request_id: RequestId, parts: PartsOf, caller: CallerOf) -> ActionPlan:
    """Read a plan by its id, which is its request's."""
    async with parts.database.transaction() as tx:
        plan = await plans_view.plan(tx, caller.owner, request_id)
        return await action_plan(tx, await requests_view.get(tx, caller.owner, request_id), plan)


@router.get("/plan/user/{userId}", responses=errors(403, 404, 422, 503))
async def read_newest_plan(
    user_id: Annotated[Name, Path(alias="userId")], parts: PartsOf, asking: AskingOf
) -> ActionPlan:
    """Read the newest plan of a user: of yourself, or with `act_as` of another."""
    caller = await asking.as_user(user_id, Permission.REQUESTS_READ)
    async with parts.database.transaction() as tx:
        plan = await plans_view.newest_of_user(tx, caller.owner, user_id)
        return await action_plan(tx, await requests_view.get(tx, caller.owner, plan.request_id), plan)
