"""Every call of the API leaves a row: who, which route, how it went, what it cost; nothing of what was said.

`RequestLog` is the outermost layer, so it sees what callers see. Routes of the gateway hand over how their call went
by `note`. Rows go to `services.storage.api_log` at the answer's end, be it a stream's or the client's going away.
"""

import re
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import request_rows
from api.request_rows import ASKED, ERROR_CODE, Followed
from api.scraping.http_figures import HttpFigures
from services.storage.api_log import ApiLog

CLIENT_GONE: Final = 499
"""The status of a call whose client went away before the answer's end; nobody was told it."""

_UNLOGGED: Final = frozenset(
    {"/livez", "/readyz", "/metrics", "/docs", "/docs/oauth2-redirect", "/openapi.json", "/favicon.ico"}
)
_MODEL: Final = re.compile(r"[\x21-\x7e]{1,200}")
_FOLLOWED: Final = "followed"


def note(connection: HTTPConnection | Scope, followed: Followed, *, model: object = None) -> None:
    """Tell the log of a gateway call that is answered: of an HTTP call when it begins, for it is read at the end.

    Through a WebSocket many calls are made: each is a row at once, so there it is told at the call's end.

    Args:
        connection: The request, the WebSocket, or its ASGI scope.
        followed: The call.
        model: The model that was asked for; of HTTP calls `note_model` may have told it.
    """
    scope = connection.scope if isinstance(connection, HTTPConnection) else connection
    if scope["type"] == "websocket":
        _log_message(scope, followed, _name(model))
        return
    if model is not None:
        note_model(scope, model)
    request_rows.state_of(scope)[_FOLLOWED] = followed


def note_model(scope: Scope, asked: object) -> None:
    """Tell the log which model a call asks for, if it names one; it stands in the row unless another answered."""
    request_rows.state_of(scope)[ASKED] = _name(asked)


def note_error(scope: Scope, code: str) -> None:
    """Tell the log the code of the error that is answered."""
    request_rows.state_of(scope)[ERROR_CODE] = code


class RequestLog:
    """ASGI middleware. Counts every call for `/metrics`, and logs those that are not about health or documents."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        call = _Call(scope, receive, send)
        try:
            await self._app(scope, call.receive, call.send)
        finally:
            call.end()


class _Call:
    """One call under way."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._at = datetime.now(UTC)
        self._began = time.monotonic()
        self._status: int | None = None
        self._complete = False
        self._gone = False
        self._named: str | None = None
        self._figures: HttpFigures = scope["app"].state.figures
        self._figures.began()

    async def receive(self) -> Message:
        """Pass a message on, and notice a client that leaves."""
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._complete:
            self._gone = True
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on, and notice what the client is told."""
        kind = message["type"]
        if kind in {"http.response.start", "websocket.http.response.start"}:
            self._status = message["status"]
            self._named = request_rows.named_call(message)
        elif kind == "websocket.accept":
            self._status = HTTPStatus.SWITCHING_PROTOCOLS.value
        elif kind == "websocket.close" and self._status is None:
            self._status = HTTPStatus.FORBIDDEN.value
        await self._send(message)
        if kind == "http.response.body" and not message.get("more_body", False):
            self._complete = True

    def end(self) -> None:
        """Count the call, and log it."""
        scope, status, seconds = self._scope, self._final_status(), time.monotonic() - self._began
        self._figures.ended(request_rows.method_of(scope), request_rows.route_of(scope), status, seconds)
        log = _log_of(scope)
        if log is None or scope["path"] in _UNLOGGED:
            return
        fields = {
            "call_id": self._named or request_rows.target_of(scope),
            "status": status,
            "duration_ms": request_rows.bounded(seconds * 1000),
            **request_rows.facts_of(request_rows.state_of(scope).get(_FOLLOWED)),
        }
        log.add(request_rows.row(scope, self._at, fields))

    def _final_status(self) -> int:
        if self._gone and not self._complete:
            return CLIENT_GONE
        if self._scope["type"] == "http" and not self._complete:
            return HTTPStatus.INTERNAL_SERVER_ERROR.value
        return self._status or HTTPStatus.INTERNAL_SERVER_ERROR.value


def _log_message(scope: Scope, followed: Followed, model: str | None) -> None:
    """Log a call that was made through a WebSocket."""
    log, outcome = _log_of(scope), followed.outcome
    if log is None:
        return
    error = None if outcome is None else outcome.error
    fields = {
        "model": model,
        "status": CLIENT_GONE if outcome is None else HTTPStatus.OK.value if error is None else error.status,
        "duration_ms": 0 if outcome is None else request_rows.bounded(outcome.total_ms),
    }
    log.add(request_rows.row(scope, datetime.now(UTC), {**fields, **request_rows.facts_of(followed)}))


def _name(asked: object) -> str | None:
    """Return a model's name as a caller gave it, if it is one at all."""
    return asked if isinstance(asked, str) and _MODEL.fullmatch(asked) else None


def _log_of(scope: Scope) -> ApiLog | None:
    log: ApiLog | None = getattr(scope["app"].state, "api_log", None)
    return log
