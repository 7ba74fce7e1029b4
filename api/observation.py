"""The outermost layer: each call gets an id and a log line in JSON without bodies; unexpected errors are hidden."""

import logging
import time
import traceback
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import request_ids
from api.errors import problem_of
from api.gateway.envelopes import answer
from api.request_rows import target_of

_access = logging.getLogger("longhaul.access")
_faults = logging.getLogger("longhaul.faults")


def log_fault(error: Exception, request_id: str) -> None:
    """Log where an unexpected error happened, not its text: that may quote data."""
    stack = traceback.extract_tb(error.__traceback__)[-12:]
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in stack]
    line = {"fault": type(error).__name__, "request_id": request_id, "frames": frames}
    _faults.error("fault", extra={"fields": line})


class Observation:
    """ASGI middleware. Logged are route templates and request ids, never queries, bodies or users' ids."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] == "websocket":
            request_ids.give(scope)
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = _Call(scope, send)
        try:
            await self._app(scope, receive, call.send)
        except Exception as error:  # noqa: BLE001  the last one to see it: told to the log, hidden from the client
            await call.fail(error, receive)
        finally:
            call.log()


class _Call:
    """One call under observation."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._id = request_ids.give(scope)
        self._began = time.monotonic()
        self._status: int | None = None

    async def send(self, message: Message) -> None:
        """Pass a message on; the first one gets the id."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            MutableHeaders(scope=message)[request_ids.HEADER] = self._id
        await self._send(message)

    async def fail(self, error: Exception, receive: Receive) -> None:
        """Log where it happened, and answer 500 unless an answer has begun."""
        log_fault(error, self._id)
        if self._status is not None:
            raise ConnectionAbortedError from None
        await answer(self._scope, problem_of(error))(self._scope, receive, self.send)

    def log(self) -> None:
        """Write the access line."""
        line = {
            "method": self._scope["method"],
            "route": getattr(self._scope.get("route"), "path", None),
            "target": target_of(self._scope),
            "status": self._status or HTTPStatus.INTERNAL_SERVER_ERROR.value,
            "ms": round((time.monotonic() - self._began) * 1000, 1),
            "request_id": self._id,
        }
        _access.info("call", extra={"fields": line})
