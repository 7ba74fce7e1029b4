"""Chats, as in the OpenAI API: `POST /v1/chat/completions`."""

import time
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.caller import CallerOf
from api.gateway.asking import asked_of
from api.gateway.bodies import read_object
from api.gateway.chat_body import MAX_MESSAGES, check_chat, wants_usage
from api.gateway.chat_chunks import ChatEvents, Chosen
from api.gateway.fields import BadField, Fields
from api.gateway.following import begin
from api.gateway.jobs import ACCEPTED, answer_job
from api.gateway.openai_door import OpenAIDoor
from api.gateway.openai_form import answer, body_of
from api.gateway.problems import errors, of_field
from api.gateway.telling import EventAnswer, WholeAnswer
from api.parts import PartsOf
from domain.model_pool import Endpoint

router = APIRouter(prefix="/v1", tags=["gateway"])
ROUTE: Final = "POST /v1/chat/completions"

_MESSAGES: Final = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_MESSAGES,
    "items": {"type": "object", "required": ["role"], "properties": {"role": {"type": "string", "minLength": 1}}},
}
_DOCUMENT: Final[dict[str, Any]] = body_of({"messages": _MESSAGES}, stream=True)


@router.post(
    "/chat/completions",
    response_class=Response,
    openapi_extra=_DOCUMENT,
    responses={
        **answer("chat.completion", stream=True),
        **ACCEPTED,
        **errors(400, 402, 404, 409, 413, 415, 422, 429, 499, 502, 504),
    },
)
async def create_chat_completion(request: Request, parts: PartsOf, caller: CallerOf) -> Response:
    """Complete a chat, whole or as a stream; each call is durable, and its `Idempotency-Key` joins or replays it."""
    began = time.perf_counter()
    body = await read_object(request)
    chat = Fields(body)
    try:
        check_chat(chat)
        usage = wants_usage(chat)
    except BadField as bad:
        raise of_field(bad) from None
    asked = asked_of(body, request.headers, ROUTE, Endpoint.CHAT)
    options = asked.options
    if options.background:
        return await answer_job(parts, caller, asked, request.headers)
    following = await begin(parts, caller, asked)
    door = OpenAIDoor(following, options.model, began)
    if not options.stream:
        return WholeAnswer(following, door, door.completion)
    chosen = Chosen(options.model, usage=usage, resets=options.resets, start=asked.start)
    return EventAnswer(following, door, ChatEvents(door, chosen))
