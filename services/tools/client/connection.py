"""One connection to one server: a task of its own enters and leaves the SDK's client, and callers ask through it.

The SDK reports the death of a transport by cancelling the task that entered the client. Here that is never a caller's:
a caller waits for its own request and for the connection's task, whichever ends first, and gets a typed error.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Literal, NamedTuple, TypeVar

from mcp import Client, MCPError
from mcp_types import CONNECTION_CLOSED, Implementation, ServerNotification

from domain.errors import ToolError, ToolTimedOut, ToolUnavailable
from services.tools.client.changes import is_list_change, watch
from services.tools.client.errors import Failure, at_connect, from_exception
from services.tools.client.exchange import Exchange, within
from services.tools.client.streams import OnEnd, Streams

T = TypeVar("T")

CLIENT = Implementation(name="longhaul", version="1")
CLOSE_S = 10.0
"""How long a connection may take to close before it is torn down."""
_GRACE_S = 0.25
"""For a connection that fails at its limit to say why."""
_ABANDON_S = 1.0
"""How long an abandoned request may take to tell the server; after that it goes on telling on its own."""


class SessionLost(ToolUnavailable):
    """The server has forgotten our session, and did nothing: the request may be sent again by a new connection."""


class Opening(NamedTuple):
    """How a connection is made.

    Attributes:
        streams: Opens the transport; used once. It may tell why it ends before it has cleaned up.
        limit_s: Time for the transport and the protocol's greeting together.
        on_changed: Told when the server says that one of its lists has changed; may not block or raise.
        mode: `legacy` keeps to the protocol before 2026-07-28.
    """

    streams: Callable[[OnEnd], AbstractAsyncContextManager[Streams]]
    limit_s: float
    on_changed: Callable[[], None]
    mode: Literal["auto", "legacy"] = "auto"


class Connection:
    """A connection that opens at once, in the background."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._client: Client | None = None
        self._failure: Failure | None = None
        self._settled = asyncio.Event()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._asking: set[asyncio.Task[Any]] = set()
        self._waiting = 0
        self._retired = False
        self.idle_since = asyncio.get_running_loop().time()
        self._opens_by = self.idle_since + opening.limit_s + _GRACE_S
        self.life = asyncio.create_task(self._live(), name="tool connection")

    @property
    def usable(self) -> bool:
        """Whether new requests may go through it, or will when it has opened."""
        return not (self.life.done() or self._retired or self._failure)

    @property
    def open(self) -> bool:
        """Whether the server has greeted us and the connection lives."""
        return self._client is not None and self.usable

    @property
    def greeted(self) -> bool:
        """Whether it has ever been open."""
        return self._client is not None

    @property
    def failure(self) -> Failure | None:
        """Why it ended, or could not open."""
        return self._failure

    @property
    def idle(self) -> bool:
        """Whether nobody uses it."""
        return not self._asking and not self._waiting

    @property
    def client(self) -> Client:
        """The SDK's client, once the connection has opened."""
        if self._client is None:
            raise self._lost(Exchange())
        return self._client

    async def opened(self, deadline: float) -> None:
        """Wait until the connection is open.

        Raises:
            ToolError: It cannot be opened, or not in time; nothing was sent.
        """
        self._waiting += 1
        try:
            async with asyncio.timeout_at(min(deadline, self._opens_by)):
                await self._settled.wait()
        except TimeoutError:
            raise ToolUnavailable("the server did not greet us in time") from None
        finally:
            self._waiting -= 1
        if self._failure is not None:
            raise self._failure.error()

    async def ask(self, request: Callable[[Client], Coroutine[Any, Any, T]], deadline: float) -> T:
        """Make a request and wait for its answer. Who is cancelled meanwhile cancels the request at the server.

        Args:
            request: Sends one request and returns its result.
            deadline: The time, on the event loop's clock, until which it is waited for.

        Raises:
            SessionLost: The request may be repeated by another connection.
            ToolError: There is no answer, or it is an error.
        """
        exchange = Exchange(deadline=deadline)
        task = asyncio.create_task(within(exchange, request(self.client)), name="tool request")
        self._asking.add(task)
        task.add_done_callback(self._answered)
        try:
            left = max(deadline - asyncio.get_running_loop().time(), 0)
            ends: set[asyncio.Future[Any]] = {task, self._over}
            await asyncio.wait(ends, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            exchange.over = True
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=_ABANDON_S)
        return await self._outcome(task, exchange)

    def retire(self) -> None:
        """Take no new requests, and close when those under way are done."""
        self._retired = True
        self._leave()

    async def close(self) -> None:
        """Close, whatever is under way; waits until it is done."""
        self._retired = True
        self._stop.set()
        if not self._settled.is_set():
            self.life.cancel()
        _, pending = await asyncio.wait({self.life}, timeout=CLOSE_S)
        if pending:
            self.life.cancel()
            await asyncio.wait({self.life}, timeout=CLOSE_S)

    async def _live(self) -> None:
        """Enter the client, stay, leave it. Never raises but its own cancellation."""
        exchange = Exchange()

        def on_end(error: BaseException) -> None:
            opened = self._client is not None
            self._end(from_exception(error, handed=True) if opened else at_connect(error, exchange.failure))

        try:
            await within(exchange, self._enter(on_end))
        except Exception as error:  # noqa: BLE001 - any end of a transport becomes the connection's failure
            on_end(error)
        finally:
            self._end(Failure(ToolUnavailable, "the connection was closed"))

    def _end(self, failure: Failure) -> None:
        """Note why the connection is over; the first reason counts."""
        self._failure = self._failure or failure
        self._settled.set()
        if not self._over.done():
            self._over.set_result(None)

    async def _enter(self, on_end: OnEnd) -> None:
        async with AsyncExitStack() as stack:
            client = Client(
                self._opening.streams(on_end),
                mode=self._opening.mode,
                message_handler=self._heard,
                client_info=CLIENT,
                cache=None,
            )
            async with asyncio.timeout(self._opening.limit_s):
                await stack.enter_async_context(client)
            self._client = client
            self._settled.set()
            await stack.enter_async_context(watch(client, self._opening.on_changed))
            await self._stop.wait()

    async def _heard(self, message: ServerNotification | Exception) -> None:
        if is_list_change(message):
            self._opening.on_changed()

    def _answered(self, task: asyncio.Task[Any]) -> None:
        self._asking.discard(task)
        self.idle_since = asyncio.get_running_loop().time()
        self._leave()

    def _leave(self) -> None:
        """Close when it is wanted and nobody is in the way: who waits for the opening will ask in the same breath."""
        if self._retired and not self._asking and not self._waiting:
            self._stop.set()

    async def _outcome(self, task: asyncio.Task[T], exchange: Exchange) -> T:
        if not task.done() or task.cancelled():
            if self._over.done():
                raise self._lost(exchange)
            raise ToolTimedOut("the server did not answer in time", may_have_happened=exchange.handed)
        error = task.exception()
        if error is None:
            return task.result()
        if exchange.session_lost or exchange.broken:
            self.retire()
        if exchange.session_lost:
            raise SessionLost("the server has forgotten the session")
        if exchange.failure is not None:
            raise exchange.failure.error()
        if isinstance(error, ToolError):
            raise error
        if isinstance(error, MCPError) and error.code == CONNECTION_CLOSED:
            await asyncio.wait({self._over}, timeout=_ABANDON_S)
            if self._over.done():
                raise self._lost(exchange)
        raise from_exception(error, handed=exchange.handed).error() from None

    def _lost(self, exchange: Exchange) -> ToolError:
        failure = self._failure or Failure(ToolUnavailable, "the connection is not open")
        return failure._replace(may_have_happened=exchange.handed).error()
