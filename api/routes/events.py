"""Following a request: its event log as Server-Sent Events."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from api.caller import CallerOf
from api.event_stream import KEEP_ALIVE_S, EventStream, Range
from api.parameters import RequestId
from api.parts import PartsOf
from api.problems import errors, invalid
from api.waiting import load_request
from domain.events import EventType

router = APIRouter(prefix="/v1/requests/{request_id}", tags=["events"])
Seq = Annotated[int, Query(ge=0, le=2**62, description="Events with a greater id follow.")]
Types = Annotated[str | None, Query(max_length=1000, description="Comma-separated event types; all by default.")]
LastEventId = Annotated[
    int | None,
    Header(alias="Last-Event-ID", ge=0, le=2**62, description="Set by browsers on reconnecting; goes before `after`."),
]

_EXAMPLE = 'id: 7\nevent: step.started\ndata: {"v":1,"step_id":"poem","round":1,"child":null,"at":"…"}\n\n'
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "id: the event's number; event: its type; data: JSON. Ends after request.finished.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    204: {"description": "The request has ended and there is nothing after that id: do not reconnect."},
}


@router.get("/events", response_class=Response, responses={**_STREAM, **errors(403, 404, 422, 503)})
async def follow_events(
    request_id: RequestId,
    parts: PartsOf,
    caller: CallerOf,
    after: Seq = 0,
    types: Types = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Follow the request: past events first, then live ones, without gaps or doubles, until its end."""
    wanted = _types(types)
    start = after if last_event_id is None else last_event_id
    view = await load_request(parts, caller, request_id)
    if view.phase.is_end and start >= view.last_seq:
        return Response(status_code=204)
    wanted_range = Range(wanted, view.last_seq if view.phase.is_end else None)
    return EventStream(parts.reader.subscribe(request_id, start), wanted_range, KEEP_ALIVE_S)


def _types(types: str | None) -> frozenset[EventType] | None:
    if types is None:
        return None
    try:
        return frozenset(EventType(name.strip()) for name in types.split(","))
    except ValueError:
        known = ", ".join(kind.value for kind in EventType)
        raise invalid("unknown_type", "query:types", f"an event type is one of: {known}") from None
