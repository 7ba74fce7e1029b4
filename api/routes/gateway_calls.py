"""Calls of the gateway by their ids: read, followed, cancelled."""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from api.acting import note_acting
from api.caller import Caller, CallerOf
from api.documents.gateway_calls import CallDocument, CancelDocument, ended, status_of, webhook_of
from api.gateway import headers
from api.gateway.answers import load_end
from api.gateway.chat_chunks import ChatEvents, Chosen
from api.gateway.following import follow
from api.gateway.openai_door import OpenAIDoor, completion_of, plain_of
from api.gateway.openai_form import answer
from api.gateway.pieces import START, End
from api.gateway.problems import errors, refusal
from api.gateway.starting import cancel_call
from api.gateway.telling import EventAnswer
from api.parts import Parts, PartsOf
from api.request_log import note_model
from domain.errors import NotFound
from domain.ids import CALL_ID
from domain.model_pool import Endpoint
from services.storage import gateway_calls
from services.storage.audit import Act
from services.storage.gateway_calls import CallView
from services.storage.jobs import standing

router = APIRouter(prefix="/v1/calls/{call_id}", tags=["gateway"])


async def _call_id(call_id: Annotated[str, Path(examples=["call_01932f6e8a7b7c3d9e0f1a2b3c4d5e6f"])]) -> str:
    if not CALL_ID.match(call_id):
        raise refusal(404, "not_found", "there is no such call")
    return call_id


CallId = Annotated[str, Depends(_call_id)]
"""The call in the path; what is not an id is not found."""


@router.get("", responses=errors(404))
async def read_call(call_id: CallId, parts: PartsOf, caller: CallerOf) -> CallDocument:
    """Read a call as it stands, with its answer when it has one."""
    view = await _read(parts, caller, call_id)
    outcome = view.outcome
    end = None if outcome is None else await load_end(parts.database, outcome)
    job = await standing(parts.database, call_id) if view.options.background else None
    return CallDocument(
        id=view.id,
        status=status_of(view, job),
        endpoint=view.options.endpoint,
        model=view.options.model,
        background=view.options.background,
        webhook=webhook_of(view, job),
        created_at=view.created_at,
        finished_at=view.finished_at,
        answer=None if end is None else _answer(view, end),
        **({} if end is None else ended(end.outcome)),
    )


@router.get("/stream", response_class=Response, responses={**answer("chat", stream=True), **errors(400, 404)})
async def follow_call(call_id: CallId, request: Request, parts: PartsOf, caller: CallerOf) -> Response:
    """Follow a chat's answer as a stream, from its beginning or from `Last-Event-ID` on, with usage at the end."""
    began = time.perf_counter()
    view = await _read(parts, caller, call_id)
    if view.options.endpoint is not Endpoint.CHAT:
        raise refusal(400, "not_a_stream", "only chats can be followed")
    named, start = headers.last_event(request.headers) or (call_id, START)
    if named != call_id:
        raise headers.bad_last_event_id("Last-Event-ID is of another call")
    following = await follow(parts, caller, call_id, start)
    note_model(request.scope, view.options.model)
    chosen = Chosen(view.options.model, usage=True, resets=view.options.resets, start=start)
    door = OpenAIDoor(following, view.options.model, began)
    return EventAnswer(following, door, ChatEvents(door, chosen))


@router.delete("", responses=errors(404))
@router.post("/cancel", responses=errors(404))
async def cancel(call_id: CallId, parts: PartsOf, caller: CallerOf) -> CancelDocument:
    """Cancel a call: it ends soon, and what it has used is paid. Its record stays."""
    view = await _read(parts, caller, call_id)
    if view.outcome is not None:
        return CancelDocument(id=call_id, cancelled=False)
    await note_acting(parts.database, caller, Act("call.cancel", "call", call_id))
    cancelled = await cancel_call(parts, call_id)
    return CancelDocument(id=call_id, cancelled=cancelled)


async def _read(parts: Parts, caller: Caller, call_id: str) -> CallView:
    try:
        return await gateway_calls.read(parts.database, caller.owner, call_id)
    except NotFound:
        raise refusal(404, "not_found", "there is no such call") from None


def _answer(view: CallView, end: End) -> dict[str, object] | None:
    if end.outcome.phase != "done":
        return None
    if view.options.endpoint is Endpoint.CHAT:
        return completion_of(view.id, view.options.model, end)
    return plain_of(view.options.model, end)
