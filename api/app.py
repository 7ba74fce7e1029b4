"""The application: routes, `/mcp`, errors, limits, documentation. Making it touches nothing outside the process."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from fastapi import Depends, FastAPI

from api import errors
from api.access import authorize
from api.authentication import Authentication
from api.body_limit import BodyLimit
from api.described import describe
from api.mcp_server.endpoint import McpEndpoint
from api.observation import Observation
from api.origins import Origins
from api.parts import Parts
from api.request_log import RequestLog
from api.routes import ROUTERS
from api.scraping.http_figures import HttpFigures
from api.sweeping import sweep_until_done
from services.storage.api_log import ApiLog

_ABOUT = """Durable LLM work: a request becomes a plan of steps that survives crashes and can be watched, amended,
paused, forked and cancelled. Errors are RFC 9457 problems (`application/problem+json`) with a stable `code`.
Every call brings a key or a token, as `Authorization: Bearer …` or `x-api-key: …`."""


def create_app(parts: Parts) -> FastAPI:
    """Return the application over its parts. Its lifespan runs reader, request log and start-up sweep."""
    app = routes_only(parts.deployment.allowed_origins)
    app.state.parts = parts
    return app


def routes_only(allowed_origins: Sequence[str] = ()) -> FastAPI:
    """Return the application without parts: good for its OpenAPI document alone."""
    app = FastAPI(
        title="Longhaul",
        version="0.1.0",
        description=_ABOUT,
        lifespan=_lifespan,
        redirect_slashes=False,
        redoc_url=None,
        dependencies=[Depends(authorize)],
    )
    for router in ROUTERS:
        app.include_router(router)
    app.state.mcp = McpEndpoint(app.version)
    app.router.routes.append(app.state.mcp.route)
    errors.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Authentication)
    app.add_middleware(Origins, allowed=tuple(allowed_origins))
    app.add_middleware(Observation)
    app.add_middleware(RequestLog)
    app.state.figures = HttpFigures()
    setattr(app, "openapi", lambda: describe(app))  # noqa: B010  FastAPI's documented way to change the document
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    mcp: McpEndpoint = app.state.mcp
    log = app.state.api_log = ApiLog(parts.database)
    log.start()
    await parts.reader.start()
    sweeping = asyncio.create_task(sweep_until_done(parts), name="start-up sweep")
    try:
        async with mcp.running(), _following(parts):
            yield
    finally:
        sweeping.cancel()
        await asyncio.wait({sweeping})
        await parts.reader.close()
        await log.close()


def _following(parts: Parts) -> AbstractAsyncContextManager[None]:
    """Return the block in which the pool's routes are known as they are."""
    return nullcontext() if parts.pool is None else parts.pool.running()
