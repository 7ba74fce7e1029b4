"""No call comes further than here without a caller who is known, unless its route is open to everybody.

The body is not read before. A call that lasts is looked at again every two seconds: when its key or token has been
revoked meanwhile, or does not permit the call any more, the stream, the socket or the wait ends.
"""

import asyncio
from contextlib import suppress
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import access_of, demand, is_open
from api.caller import Caller, authenticate
from api.errors import problem_of
from api.gateway.envelopes import answer
from api.problems import ApiProblem
from api.request_log import note_error
from api.request_rows import state_of
from api.scraping.scrapers import Scrapers
from domain.caller_errors import Forbidden, Unauthenticated
from domain.errors import LonghaulError, Unavailable
from domain.permissions import Permission

RECHECK_S: Final = 2.0
_PATIENCE_S: Final = 0.5
"""How long a scraper that was known waits for the database, which may hang."""
_POLICY_VIOLATION: Final = 1008
"""The WebSocket close code of RFC 6455, section 7.4.1."""


class Authentication:
    """ASGI middleware that finds out who calls, and answers 401 where that is nobody."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app
        self._scrapers = Scrapers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] not in {"http", "websocket"} or is_open(scope):
            await self._app(scope, receive, send)
            return
        try:
            state_of(scope)["caller"] = await self._caller(HTTPConnection(scope))
        except (LonghaulError, ApiProblem) as error:
            await answer(scope, problem_of(error))(scope, receive, send)
        else:
            await _Watched(scope, receive, send).serve(self._app)

    async def _caller(self, connection: HTTPConnection) -> Caller:
        """Find out who calls; a scraper that was known is so without the database, too."""
        known = self._scrapers.find(connection)
        try:
            async with asyncio.timeout(None if known is None else _PATIENCE_S):
                caller = await authenticate(connection)
        except (Unavailable, TimeoutError):
            if known is None:
                raise
            return known
        except (Unauthenticated, Forbidden):
            if known is not None:
                self._scrapers.forget(connection)
            raise
        self._scrapers.note(connection, caller)
        return caller


class _Watched:
    """One call, and the timer that has its caller looked at again while it lasts."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._begun = self._over = False
        self._refused: LonghaulError | None = None
        self._looking: asyncio.Task[None] | None = None

    async def serve(self, app: ASGIApp) -> None:
        """Serve the call to its end, or until its caller is refused."""
        clock = asyncio.get_running_loop()
        serving = asyncio.current_task()
        timer = clock.call_later(RECHECK_S, self._look, serving)
        try:
            await app(self._scope, self._receive, self.send)
        except asyncio.CancelledError:
            if self._refused is None or serving is None or serving.uncancel() > 0:
                raise
            await self._end(self._refused)
        finally:
            self._over = True
            timer.cancel()
            if self._looking is not None:
                self._looking.cancel()

    async def send(self, message: Message) -> None:
        """Pass a message on, and notice whether the answer has begun."""
        self._begun = True
        await self._send(message)

    def _look(self, serving: "asyncio.Task[None] | None") -> None:
        if serving is not None and not self._over:
            self._looking = asyncio.create_task(self._watch(serving), name="caller")

    async def _watch(self, serving: "asyncio.Task[None]") -> None:
        """Look again and again; a database that is away tells nothing."""
        while True:
            try:
                caller = await authenticate(HTTPConnection(self._scope))
                wanted = access_of(self._scope)
                if isinstance(wanted, Permission):
                    demand(caller, wanted)
                state_of(self._scope)["caller"] = caller
            except (Unauthenticated, Forbidden) as error:
                self._refused = error
                serving.cancel()
                return
            except (LonghaulError, ApiProblem):
                pass
            await asyncio.sleep(RECHECK_S)

    async def _end(self, error: LonghaulError) -> None:
        """Tell why the call ends, where that is still possible; a stream is cut off."""
        if not self._begun:
            await answer(self._scope, problem_of(error))(self._scope, self._receive, self._send)
        elif self._scope["type"] == "websocket":
            with suppress(RuntimeError, OSError):
                await self._send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": str(error)[:100]})
        else:
            note_error(self._scope, error.code)
