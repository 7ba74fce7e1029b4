"""The way in: `POST /mcp`, streamable HTTP of both protocol generations, each message on its own.

No sessions are kept, so any process may serve any message, and nothing is lost when one restarts. There is no stream to
GET: the server says nothing but answers, and progress on the way to them. Limits, content types and callers are the
routes' own; the SDK sees a message only after all of them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from api.access import authorize
from api.bodies import StrictRequest
from api.mcp_server.server import build_server
from api.problems import ApiProblem

PATH: Final = "/mcp"


class McpEndpoint:
    """ASGI application of one path. It serves while `running` is entered."""

    def __init__(self, version: str) -> None:
        """Take the version to tell clients."""
        self._version = version
        self._manager: StreamableHTTPSessionManager | None = None
        self.route = Route(PATH, self, methods=["POST"], include_in_schema=False)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve until the block is left, which ends what is under way."""
        manager = StreamableHTTPSessionManager(build_server(self._version), stateless=True)
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one message.

        Raises:
            ApiProblem: 400, 413, 415 or 422 for a body that no route would take; 503 outside of `running`.
            Unauthenticated, Forbidden: As routes.
        """
        scope["route"] = self.route  # for the access log
        request = StrictRequest(scope, receive)
        await authorize(request)
        await request.json()
        if self._manager is None:
            raise ApiProblem(503, "unavailable", "the server is starting or stopping")
        await self._manager.handle_request(scope, _replay(await request.body(), receive), send)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives a body that was read already, and then what comes after it."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
