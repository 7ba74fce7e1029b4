"""Chats, as in Anthropic's API: `POST /v1/messages`, and what one would take of a model's input."""

import time
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel
from starlette.responses import Response

from api.caller import CallerOf
from api.gateway.asking import asked_of
from api.gateway.bodies import read_object
from api.gateway.chat_body import check_chat
from api.gateway.fields import BadField, Fields
from api.gateway.following import begin
from api.gateway.jobs import ACCEPTED, answer_job
from api.gateway.making import permitted
from api.gateway.messages.door import RESET, MessagesDoor, PingedAnswer
from api.gateway.messages.problems import errors
from api.gateway.messages.reading import chat_body, counted_body
from api.gateway.openai_form import body_of
from api.gateway.problems import of_field
from api.gateway.telling import WholeAnswer
from api.gateway.worded import Chosen, WordedEvents, resumed
from api.parts import PartsOf
from api.request_ids import id_of
from domain.model_pool import Endpoint
from domain.sizes import input_tokens

router = APIRouter(prefix="/v1/messages", tags=["gateway"])
ROUTE: Final = "POST /v1/messages"
Betas = Annotated[list[str] | None, Header(alias="anthropic-beta", max_length=50)]

_TURN: Final = {"type": "object", "required": ["role", "content"]}
_TURNS: Final[dict[str, Any]] = {"messages": {"type": "array", "minItems": 1, "items": _TURN}}
_BOUND: Final = {"max_tokens": {"type": "integer", "minimum": 1}}
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A message object of Anthropic's API.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    }
}


class TokenCount(BaseModel):
    """How many tokens a message's input has: our upper estimate, the same for all models."""

    input_tokens: int


@router.post(
    "",
    response_class=Response,
    openapi_extra=body_of({**_TURNS, **_BOUND}, stream=True),
    responses={**_ANSWER, **ACCEPTED, **errors(400, 402, 404, 409, 413, 415, 422, 429, 499, 502, 504, 529)},
)
async def create_message(request: Request, parts: PartsOf, caller: CallerOf, betas: Betas = None) -> Response:
    """Answer a conversation, whole or as a stream; durable as every call, with `Idempotency-Key` and `longhaul`."""
    began = time.perf_counter()
    try:
        body = chat_body(await read_object(request), _split(betas))
        check_chat(Fields(body))
    except BadField as bad:
        raise of_field(bad) from None
    asked, seen = resumed(asked_of(body, request.headers, ROUTE, Endpoint.CHAT))
    options = asked.options
    if options.background:
        return await answer_job(parts, caller, asked, request.headers)
    following = await begin(parts, caller, asked)
    door = MessagesDoor(following, options.model, began, id_of(request.scope))
    if not options.stream:
        return WholeAnswer(following, door, door.message)
    return PingedAnswer(following, door, WordedEvents(door, Chosen(resets=options.resets, seen=seen), RESET))


@router.post("/count_tokens", openapi_extra=body_of(_TURNS), responses=errors(400, 404, 413, 415))
async def count_tokens(request: Request, parts: PartsOf, caller: CallerOf) -> TokenCount:
    """Estimate the tokens of a message's input, without asking a provider: never too few, often a third too many."""
    try:
        asked = Fields(await read_object(request))
        permitted(parts, caller, asked.text("model"))
        return TokenCount(input_tokens=input_tokens(counted_body(asked)))
    except BadField as bad:
        raise of_field(bad) from None


def _split(betas: list[str] | None) -> list[str]:
    """Return the betas that the header names, given once or several times, separated by commas."""
    return [beta.strip() for line in betas or () for beta in line.split(",") if beta.strip()]
