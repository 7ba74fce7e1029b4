"""The application: Jira, Confluence and the control endpoints behind one gate."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.atlassian.confluence.routes import ConfluenceRest
from simulators.atlassian.confluence.store import Confluence
from simulators.atlassian.connections import Connections
from simulators.atlassian.control import Control
from simulators.atlassian.errors import RefusedError, answer
from simulators.atlassian.faults import FaultBook
from simulators.atlassian.gate import Gate
from simulators.atlassian.jira.routes import JiraRest
from simulators.atlassian.jira.store import Jira
from simulators.atlassian.records import Records
from simulators.atlassian.settings import Settings


def create_app(settings: Settings, connections: Connections) -> Starlette:
    """Return a Jira and a Confluence with state, log and faults of their own.

    Args:
        settings: What was chosen.
        connections: The open connections of the server that will serve it.
    """
    records, faults = Records(settings.log_path), FaultBook()
    jira, confluence = Jira(records), Confluence(records)

    def forget() -> None:
        jira.reset()
        confluence.reset()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        yield
        records.close()

    gate = Middleware(Gate, settings=settings, records=records, faults=faults, connections=connections)
    return Starlette(
        routes=[
            Route("/healthz", _health, methods=["GET"]),
            *Control(records, faults, forget).routes(),
            *JiraRest(jira).routes(),
            *ConfluenceRest(confluence).routes(),
        ],
        middleware=[gate],
        exception_handlers={RefusedError: _on_refused, HTTPException: _on_http_error},
        lifespan=lifespan,
    )


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _on_refused(request: Request, error: Exception) -> Response:
    refused = cast("RefusedError", error)
    return _answer(request, refused.status, str(refused), refused.field)


async def _on_http_error(request: Request, error: Exception) -> Response:
    refused = cast("HTTPException", error)
    return _answer(request, refused.status_code, refused.detail, None)


def _answer(request: Request, status: int, message: str, field: str | None) -> Response:
    confluence = not request.url.path.startswith("/rest/api/2/")
    return answer(status, message, field, confluence=confluence)
