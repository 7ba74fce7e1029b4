"""The application: all routes of one simulated provider, put together."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.model_provider.calls import CallLog
from simulators.model_provider.completions import ChatCompletions, bearer_token, check_key
from simulators.model_provider.control import Control
from simulators.model_provider.errors import ApiError, envelope
from simulators.model_provider.faults import FaultBook
from simulators.model_provider.scripted import scripted_fault
from simulators.model_provider.settings import DEFAULT_MODEL, Profile, Settings
from simulators.model_provider.wire import FINGERPRINT


def create_app(settings: Settings | None = None) -> Starlette:
    """Return a provider with a log and faults of its own."""
    settings = settings or Settings()
    log = CallLog(settings.log_path)
    faults = FaultBook(scripted_fault if settings.profile is Profile.SCRIPTED else None)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        yield
        log.close()

    routes = [
        Route("/v1/chat/completions", ChatCompletions(settings, log, faults), methods=["POST"]),
        Route("/v1/models", _Models(settings).get, methods=["GET"]),
        Route("/healthz", _health, methods=["GET"]),
        *Control(log, faults).routes(),
    ]
    handlers = {ApiError: _on_api_error, HTTPException: _on_http_error}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)


class _Models:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def get(self, request: Request) -> Response:
        """List the models."""
        check_key(self._settings, bearer_token(dict(request.scope["headers"])))
        models = self._settings.models or (DEFAULT_MODEL,)
        data = [{"id": name, "object": "model", "created": 0, "owned_by": FINGERPRINT} for name in models]
        return JSONResponse({"object": "list", "data": data})


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _on_api_error(_request: Request, error: Exception) -> Response:
    refusal = cast("ApiError", error)
    return JSONResponse(refusal.envelope(), status_code=refusal.status)


async def _on_http_error(_request: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    body = envelope(refusal.status_code, refusal.detail)
    return JSONResponse(body, refusal.status_code, headers=refusal.headers)
