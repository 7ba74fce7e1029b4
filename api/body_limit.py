"""A body over its route's limit is refused while it is read: what is too much is never kept."""

import asyncio
import contextlib
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import ApiProblem

MAX_BYTES: Final = 300 * 1024
MAX_CALL_BYTES: Final = 16 * 1024 * 1024
"""For calls of models: they carry whole conversations, images and files."""

_CALLS: Final = ("/v1/chat/", "/v1/completions", "/v1/embeddings", "/v1/messages", "/v1/responses")
_DISCARDED: Final = 4 * 1024 * 1024
_PATIENCE_S: Final = 2.0


class BodyLimit:
    """ASGI middleware that counts what the application reads."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        limited = _Counted(receive, _limit(scope["path"])).receive if scope["type"] == "http" else receive
        await self._app(scope, limited, send)


def _limit(path: str) -> int:
    return MAX_CALL_BYTES if path.startswith(_CALLS) else MAX_BYTES


class _Counted:
    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._read = 0

    async def receive(self) -> Message:
        """Pass a message on.

        Raises:
            ApiProblem: 413.
        """
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read <= self._limit:
            return message
        if message.get("more_body", False):
            await self._discard()
        problem = ApiProblem(413, "body_too_large", f"a body has at most {self._limit} bytes")
        raise problem.with_headers({"Connection": "close"})

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
