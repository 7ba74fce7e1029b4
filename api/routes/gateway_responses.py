"""Chats, as in OpenAI's Responses API: `POST /v1/responses`, its stateless part."""

import time
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.caller import CallerOf
from api.gateway.asking import asked_of
from api.gateway.bodies import read_object
from api.gateway.chat_body import check_chat
from api.gateway.fields import BadField, Fields
from api.gateway.following import begin
from api.gateway.jobs import ACCEPTED, answer_job
from api.gateway.openai_form import answer, body_of
from api.gateway.problems import errors, of_field
from api.gateway.responses.door import RESET, ResponsesDoor
from api.gateway.responses.reading import chat_body
from api.gateway.responses.shown import shown_of
from api.gateway.telling import EventAnswer, WholeAnswer
from api.gateway.worded import Chosen, WordedEvents, resumed
from api.parts import PartsOf
from domain.model_pool import Endpoint

router = APIRouter(prefix="/v1", tags=["gateway"])
ROUTE: Final = "POST /v1/responses"

_ITEMS: Final = {"type": "array", "minItems": 1, "items": {"type": "object"}}
_INPUT: Final[dict[str, Any]] = {"input": {"anyOf": [{"type": "string"}, _ITEMS]}}


@router.post(
    "/responses",
    response_class=Response,
    openapi_extra=body_of(_INPUT, stream=True),
    responses={
        **answer("response", stream=True),
        **ACCEPTED,
        **errors(400, 402, 404, 409, 413, 415, 422, 429, 499, 502, 504),
    },
)
async def create_response(request: Request, parts: PartsOf, caller: CallerOf) -> Response:
    """Answer a text or items, whole or as a stream. Nothing is kept between calls: `store` is false."""
    began = time.perf_counter()
    said = await read_object(request)
    try:
        body = chat_body(said)
        check_chat(Fields(body))
    except BadField as bad:
        raise of_field(bad) from None
    asked, seen = resumed(asked_of(body, request.headers, ROUTE, Endpoint.CHAT))
    options = asked.options
    if options.background:
        return await answer_job(parts, caller, asked, request.headers)
    following = await begin(parts, caller, asked)
    door = ResponsesDoor(following, options.model, began, shown_of(said))
    if not options.stream:
        return WholeAnswer(following, door, door.response)
    return EventAnswer(following, door, WordedEvents(door, Chosen(resets=options.resets, seen=seen), RESET))
