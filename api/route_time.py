"""How long a route may take to answer: then its caller is told so (504), and its work here ends.

A stream is exempt once it has begun. Calls of models have time-outs of their own (`CallOptions`), and so none here.
"""

import asyncio
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.gateway.envelopes import answer
from api.problems import ApiProblem

USUAL_S: Final = 60.0
WAITING_S: Final = 90.0
"""For routes that may be asked to wait, for 60 s at most."""

MODELS: Final = ("/v1/chat/", "/v1/completions", "/v1/embeddings", "/v1/messages", "/v1/responses")
"""Where the paths of calls of models begin."""

_WAITING: Final = ("/v1/requests", "/central-agent/", "/mcp")
_STREAMS: Final = ("text/event-stream", "application/x-ndjson")


def time_of(path: str) -> float | None:
    """Return the seconds that a path's route has, None where the call says itself how long it may take."""
    if path.startswith(MODELS):
        return None
    return WAITING_S if path.startswith(_WAITING) else USUAL_S


class RouteTime:
    """ASGI middleware that ends a call whose time is up."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        limit_s = time_of(scope["path"]) if scope["type"] == "http" else None
        if limit_s is None:
            await self._app(scope, receive, send)
            return
        clock = asyncio.timeout(limit_s)
        watched = _Watched(send, clock)
        try:
            async with clock:
                await self._app(scope, receive, watched.send)
        except TimeoutError:
            if not clock.expired():
                raise
            if watched.begun:
                raise ConnectionAbortedError from None
            late = ApiProblem(504, "route_timed_out", f"no answer within {limit_s:g} s")
            await answer(scope, late)(scope, receive, send)


class _Watched:
    """What is sent: a stream stops the clock."""

    def __init__(self, send: Send, clock: asyncio.Timeout) -> None:
        self._send = send
        self._clock = clock
        self.begun = False

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.begun = True
            if Headers(raw=message["headers"]).get("content-type", "").startswith(_STREAMS):
                self._clock.reschedule(None)
        await self._send(message)
