"""Bounds on a call's body: what is too much is refused while it is read and never kept; what dawdles is not waited for.

A body may take 20 s and a second more for each 16 KiB that have come. Only waiting for the client counts.
"""

import asyncio
import contextlib
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import ApiProblem
from api.route_time import MODELS, RouteTime

MAX_BYTES: Final = 300 * 1024
MAX_CALL_BYTES: Final = 16 * 1024 * 1024
"""For calls of models: they carry whole conversations, images and files."""
FIRST_S: Final = 20.0
BYTES_PER_S: Final = 16 * 1024

_DISCARDED: Final = 4 * 1024 * 1024
_PATIENCE_S: Final = 2.0
_CLOSE: Final = {"Connection": "close"}


class BodyLimit:
    """ASGI middleware that counts what the application reads, and gives each route its time."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = RouteTime(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] == "http":
            receive = Body(receive, _limit(scope["path"]), FIRST_S).receive
        await self._app(scope, receive, send)


def _limit(path: str) -> int:
    return MAX_CALL_BYTES if path.startswith(MODELS) else MAX_BYTES


class Body:
    """A body while it comes: at most `limit` bytes, within `first_s` seconds and what its size adds to them."""

    def __init__(self, receive: Receive, limit: int, first_s: float) -> None:
        """Take over what brings it."""
        self._receive = receive
        self._limit = limit
        self._first_s = first_s
        self._read = 0
        self._waited_s = 0.0
        self._complete = False

    async def receive(self) -> Message:
        """Pass a message on.

        Raises:
            ApiProblem: 413, the body is too large; 408, it does not come.
        """
        message = await (self._receive() if self._complete else self._next())
        self._read += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._read <= self._limit:
            return message
        if not self._complete:
            await self._discard()
        raise ApiProblem(413, "body_too_large", f"a body has at most {self._limit} bytes").with_headers(_CLOSE)

    async def _next(self) -> Message:
        """Wait for the next part; all waits together have a bound."""
        clock = asyncio.get_running_loop()
        began = clock.time()
        try:
            async with asyncio.timeout(self._first_s + self._read / BYTES_PER_S - self._waited_s):
                return await self._receive()
        except TimeoutError:
            raise ApiProblem(408, "body_too_slow", "the body took too long to arrive").with_headers(_CLOSE) from None
        finally:
            self._waited_s += clock.time() - began

    async def _discard(self) -> None:
        """Read on for a while, so that the client is ready to hear why: closing on unread data would cut the answer."""
        left = _DISCARDED
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                while left > 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return
