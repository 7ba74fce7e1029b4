"""Tools that start, list and read requests, and wait for them."""

import time
from dataclasses import replace
from typing import Final

from api.documents.costs import CostsDocument
from api.documents.events import EventPage
from api.documents.plans import PlanDocument
from api.documents.requests import NewRequestBody, RequestPage
from api.mcp_server.answers import RequestStatus, status_of
from api.mcp_server.arguments import GetEvents, GetPlan, ListRequests, OfRequest, StartRequest, WaitForRequest
from api.mcp_server.calls import Call
from api.mcp_server.tool import READS, STARTS, Tool
from api.on_behalf import Asking
from api.reading.costs import load_costs
from api.reading.events import Page, load_events
from api.reading.plans import load_plan
from api.reading.requests import load_document, load_page
from api.submitting import submit_new
from api.waiting import SETTLED, load_request, load_when
from domain.events import EventType
from domain.permissions import Permission
from services.storage.events import StoredEvent
from services.storage.views.requests import RequestView

_READ: Final = Permission.REQUESTS_READ
_NEW: Final = Permission.REQUESTS_CREATE
_NOISE: Final = frozenset({EventType.TEXT_DELTA, EventType.TEXT_RESET, EventType.COST})
_ABOUT_START = """Start a piece of work from a message in plain words. Longhaul understands it, makes a plan of steps, \
runs them durably and writes one answer; it goes on when you disconnect. Set options.approval to "plan" to see the \
plan before anything runs. With wait_s the answer is the request as it stands once it has ended or needs a person; \
else call wait_for_request next. Give an idempotency_key if you may have to repeat the call."""
_ABOUT_GET = """Read a request as it stands: phase, whether it is paused, open questions (answer with reply), open \
approvals (decide with approve), refused messages, its cost, and at its end the outcome and the whole answer."""
_ABOUT_WAIT = """Wait until a request has ended or needs a person: it asks a question, wants an approval, or is \
paused. Answers at once when that is so, and after wait_s seconds with the request as it then stands; call again \
while its phase is none of done, failed, cancelled. Sends progress notifications if you ask for them."""
_ABOUT_PLAN = """Read a request's plan: its steps, what they depend on, and how each stands, with result and cost. \
Long texts are cut to 2,000 characters and say so. `version` is what amend_plan wants as expected_version."""
_ABOUT_EVENTS = """Read a page of a request's event log, oldest first: what happened, in order, without gaps. Go on \
with after = next_after while `more` is true."""
_ABOUT_LIST = """List your requests, newest first, narrowed by phase, conversation, user or words. Go on with the \
cursor of the page before."""
_ABOUT_COSTS = "Read what a request has cost so far, in millionths of its currency: in all, by step, by model, by call."


async def _start(call: Call, given: StartRequest) -> RequestStatus:
    body = NewRequestBody.model_validate({name: getattr(given, name) for name in NewRequestBody.model_fields})
    caller = await Asking(call.connection, call.caller).as_user(body.user_id, _NEW)
    accepted = await submit_new(call.parts, caller, body, given.idempotency_key)
    return await _settled(replace(call, caller=caller), accepted.request_id, given.wait_s)


async def _get(call: Call, given: OfRequest) -> RequestStatus:
    return await _status(call, await load_request(call.parts, call.caller, given.request_id))


async def _wait(call: Call, given: WaitForRequest) -> RequestStatus:
    return await _settled(call, given.request_id, given.wait_s)


async def _settled(call: Call, request_id: str, wait_s: float) -> RequestStatus:
    began = time.monotonic()

    async def hear(event: StoredEvent | None) -> None:
        if event is None or event.type not in _NOISE:
            await call.tell(time.monotonic() - began, wait_s, _in_words(event))

    view = await load_when(call.parts, call.caller, request_id, SETTLED, wait_s, hear)
    return await _status(call, view)


async def _status(call: Call, view: RequestView) -> RequestStatus:
    return status_of(await load_document(call.parts, view))


def _in_words(event: StoredEvent | None) -> str:
    if event is None:
        return "at work"
    what = event.data.get("step_id") or event.data.get("phase")
    return f"{event.type.value} {what}" if what else event.type.value


async def _list(call: Call, given: ListRequests) -> RequestPage:
    return await load_page(call.parts, call.caller, given)


async def _plan(call: Call, given: GetPlan) -> PlanDocument:
    return await load_plan(call.parts, call.caller, given.request_id, given.version)


async def _events(call: Call, given: GetEvents) -> EventPage:
    page = Page(given.after, given.limit, given.types)
    return await load_events(call.parts, call.caller, given.request_id, page)


async def _costs(call: Call, given: OfRequest) -> CostsDocument:
    return await load_costs(call.parts, call.caller, given.request_id)


REQUEST_TOOLS = (
    Tool("start_request", "Start a request", _ABOUT_START, _NEW, STARTS, StartRequest, RequestStatus, _start),
    Tool("get_request", "Read a request", _ABOUT_GET, _READ, READS, OfRequest, RequestStatus, _get),
    Tool("wait_for_request", "Wait for a request", _ABOUT_WAIT, _READ, READS, WaitForRequest, RequestStatus, _wait),
    Tool("list_requests", "List requests", _ABOUT_LIST, _READ, READS, ListRequests, RequestPage, _list),
    Tool("get_plan", "Read a plan", _ABOUT_PLAN, _READ, READS, GetPlan, PlanDocument, _plan),
    Tool("get_events", "Read events", _ABOUT_EVENTS, _READ, READS, GetEvents, EventPage, _events),
    Tool("get_costs", "Read costs", _ABOUT_COSTS, _READ, READS, OfRequest, CostsDocument, _costs),
)
