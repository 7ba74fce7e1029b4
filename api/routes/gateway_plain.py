"""Calls answered in one piece, as in the OpenAI API: `POST /v1/completions` and `POST /v1/embeddings`."""

import time
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.caller import CallerOf
from api.gateway.asking import asked_of
from api.gateway.bodies import read_object
from api.gateway.fields import BadField, Fields
from api.gateway.following import begin
from api.gateway.jobs import ACCEPTED, answer_job
from api.gateway.openai_door import OpenAIDoor
from api.gateway.openai_form import answer, body_of
from api.gateway.plain_body import check_completion, check_embeddings
from api.gateway.plain_events import PlainEvents
from api.gateway.problems import errors, of_field
from api.gateway.telling import EventAnswer, WholeAnswer
from api.parts import PartsOf
from domain.model_pool import Endpoint

router = APIRouter(prefix="/v1", tags=["gateway"])
_TEXTS: Final = {"anyOf": [{"type": "string"}, {"type": "array"}]}
_OTHERWISE: Final = ACCEPTED | errors(400, 402, 404, 409, 413, 415, 422, 429, 499, 502, 504)


@router.post(
    "/completions",
    response_class=Response,
    openapi_extra=body_of({"prompt": _TEXTS}, stream=True),
    responses={**answer("text_completion", stream=True), **_OTHERWISE},
)
async def create_completion(request: Request, parts: PartsOf, caller: CallerOf) -> Response:
    """Complete a text. Providers are asked for the whole; with `stream` it comes as a stream of one piece."""
    began = time.perf_counter()
    body = await read_object(request)
    try:
        check_completion(Fields(body))
    except BadField as bad:
        raise of_field(bad) from None
    asked = asked_of(body, request.headers, "POST /v1/completions", Endpoint.COMPLETIONS)
    if asked.options.background:
        return await answer_job(parts, caller, asked, request.headers)
    following = await begin(parts, caller, asked)
    door = OpenAIDoor(following, asked.options.model, began)
    if asked.options.stream:
        return EventAnswer(following, door, PlainEvents(asked.options.model))
    return WholeAnswer(following, door, door.plain)


@router.post(
    "/embeddings",
    response_class=Response,
    openapi_extra=body_of({"input": _TEXTS}),
    responses={**answer("list"), **_OTHERWISE},
)
async def create_embeddings(request: Request, parts: PartsOf, caller: CallerOf) -> Response:
    """Embed texts."""
    began = time.perf_counter()
    body = await read_object(request)
    try:
        check_embeddings(Fields(body))
    except BadField as bad:
        raise of_field(bad) from None
    asked = asked_of(body, request.headers, "POST /v1/embeddings", Endpoint.EMBEDDINGS)
    if asked.options.background:
        return await answer_job(parts, caller, asked, request.headers)
    following = await begin(parts, caller, asked)
    door = OpenAIDoor(following, asked.options.model, began)
    return WholeAnswer(following, door, door.plain)
