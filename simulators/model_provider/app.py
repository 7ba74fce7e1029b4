"""The application: all routes of one simulated provider, put together."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.model_provider import anthropic_api, gemini_api, openai_api
from simulators.model_provider.calls import CallLog
from simulators.model_provider.control import Control
from simulators.model_provider.dialect import Words
from simulators.model_provider.endpoint import Core
from simulators.model_provider.errors import ApiError
from simulators.model_provider.fault_book import FaultBook
from simulators.model_provider.scripted import scripted_fault
from simulators.model_provider.settings import Profile, Settings


def create_app(settings: Settings | None = None) -> Starlette:
    """Return a provider with a log and faults of its own."""
    settings = settings or Settings()
    log = CallLog(settings.log_path, settings.memory)
    faults = FaultBook(scripted_fault if settings.profile is Profile.SCRIPTED else None)
    core = Core(settings, log, faults)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        yield
        log.close()

    routes = [
        *openai_api.routes(core),
        *anthropic_api.routes(core),
        *gemini_api.routes(core),
        Route("/healthz", _health, methods=["GET"]),
        *Control(core).routes(),
    ]
    handlers = {ApiError: _on_api_error, HTTPException: _on_http_error}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _on_api_error(request: Request, error: Exception) -> Response:
    return _refusal(request, cast("ApiError", error))


async def _on_http_error(request: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    response = _refusal(request, ApiError(refusal.status_code, refusal.detail))
    response.headers.update(refusal.headers or {})
    return response


def _refusal(request: Request, error: ApiError) -> Response:
    status, body = _words_of(request.url.path).refusal(error, "sim_0")
    return JSONResponse(body, status)


def _words_of(path: str) -> Words:
    """Return the words of the dialect whose paths begin so; all others speak OpenAI's."""
    if path.startswith(anthropic_api.PREFIX):
        return anthropic_api.WORDS
    return gemini_api.WORDS if path.startswith(gemini_api.PREFIX) else openai_api.WORDS
