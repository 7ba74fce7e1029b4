"""The way to all tool servers: calls, lists and contracts, over connections that are kept open."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from domain.errors import ToolArgumentsInvalid, ToolError, ToolFailed, ToolMissing, ToolRefused, ToolUnavailable
from domain.tool_server import ToolServer
from domain.tools import Action, Capability
from services.tools.client import outcomes, requests
from services.tools.client.answers import Answer, Progress, Reader
from services.tools.client.catalogue import Catalogue
from services.tools.client.changes import News
from services.tools.client.commands import Commands
from services.tools.client.connection import SessionLost
from services.tools.client.errors import TEXT_LIMIT
from services.tools.client.health import Health, Record
from services.tools.client.library_logs import silence_libraries
from services.tools.client.listing import LISTING_S, Listing, fetch
from services.tools.client.masking import for_answers, for_errors
from services.tools.client.opening import AuthFor, Opener
from services.tools.client.pool import Bounds, Pool, key_of
from services.tools.client.rates import Gate
from services.tools.client.requests import Call, Result
from services.tools.client.verdicts import says_unknown

_GATES = 1000
_TIDY_S = 30.0
_LOOK_S = 1.0
"""At least so long a server is asked whether it still has what it says it does not know."""


class Connections:
    """Every tool server, as one process reaches it. Use it as a context.

    Attributes:
        commands: What stdio servers may be.
        auth: Signs HTTP requests in, for servers that ask for more than a fixed token.
        on_changed: Told the id of a server whose lists have changed, at most twice a second; may not block or raise.
        bounds: How many connections, and for how long.
    """

    def __init__(
        self,
        commands: Commands,
        *,
        auth: AuthFor | None = None,
        on_changed: Callable[[str], None] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._news = News(on_changed) if on_changed else None
        self._bounds = bounds or Bounds()
        self._pool = Pool(Opener(commands, auth, self._changed, self._bounds.mode).open, self._bounds)
        self._catalogue = Catalogue()
        self._record = Record()
        self._gates: OrderedDict[str, tuple[int, Gate]] = OrderedDict()
        self._tidying: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        silence_libraries()
        self._tidying = asyncio.create_task(self._tidy(), name="idle tool connections")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._tidying is not None:
            self._tidying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._tidying
        if self._news is not None:
            self._news.close()
        await self._catalogue.close()
        await self._pool.close()

    async def call(  # noqa: PLR0913 - a call has so many facets, and all but four are named
        self,
        server: ToolServer,
        owner: str,
        action: Action,
        arguments: dict[str, Any],
        *,
        timeout_s: float,
        output_schema: dict[str, Any] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Answer:
        """Make a call and wait for its answer. It reaches the server once, or not at all.

        Args:
            server: Where.
            owner: On whose behalf.
            action: What.
            arguments: A tool's or prompt's arguments, a resource template's values.
            timeout_s: For everything: waiting for a turn, connecting, the answer.
            output_schema: What a tool's structured answer is checked against; one that breaks it is kept and marked.
            on_progress: Told what the server tells; may not block or raise.

        Raises:
            ToolError: `may_have_happened` tells whether the server may have acted though no answer came.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        call = Call(action, arguments, output_schema, on_progress)
        reader = Reader(server.options.limits.max_result_bytes, for_answers(server))
        with self._watched(server):
            try:
                async with self._gate(server).turn(deadline):
                    result = await self._sent(server, owner, call, deadline)
                return outcomes.read(result, reader, call)
            except (ToolFailed, ToolArgumentsInvalid) as error:
                if await self._is_missing(server, owner, action, error, deadline):
                    raise ToolMissing(f"the server has no {action.type} {action.name!r} any more") from None
                raise

    async def listing(self, server: ToolServer, owner: str) -> Listing:
        """Return everything that a server offers, fresh from the server.

        Raises:
            ToolError: It does not tell.
        """
        with self._watched(server):
            return await self._catalogue.fresh(key_of(server, owner), lambda: self._fetch(server, owner))

    async def contract(self, server: ToolServer, owner: str, action: Action, max_age_s: float) -> Capability | None:
        """Return what an action calls, by a list that is at most so old; None: the server has no such thing.

        Raises:
            ToolError: The server does not tell.
        """
        with self._watched(server):
            listing = await self._listing(server, owner, max_age_s)
        return listing.find(action)

    def health(self) -> dict[str, Health]:
        """Return the state of every server that was used, by id."""
        return self._record.all(self._pool.connected())

    async def _sent(self, server: ToolServer, owner: str, call: Call, deadline: float) -> Result:
        """Send a call; once more when the server had forgotten the session and so did nothing."""
        self._record.used(server.id)
        for attempt in range(2):
            connection = await self._pool.get(server, owner, deadline)
            try:
                return await connection.ask(lambda client: requests.send(client, call), deadline)
            except SessionLost as lost:
                if attempt:
                    raise ToolUnavailable(str(lost)) from None
        raise AssertionError  # the loop returns or raises

    async def _is_missing(
        self, server: ToolServer, owner: str, action: Action, error: ToolFailed | ToolArgumentsInvalid, deadline: float
    ) -> bool:
        """Whether an error means that the server has no such thing, which only a fresh list can tell."""
        ours = isinstance(error, ToolArgumentsInvalid) and error.problems
        if ours or (isinstance(error, ToolFailed) and not says_unknown(str(error))):
            return False
        limit = max(deadline, asyncio.get_running_loop().time() + _LOOK_S)
        try:
            async with asyncio.timeout_at(limit):
                listing = await self._listing(server, owner, 0)
        except (ToolError, TimeoutError):
            return False
        return listing.find(action) is None

    async def _listing(self, server: ToolServer, owner: str, max_age_s: float) -> Listing:
        return await self._catalogue.get(key_of(server, owner), max_age_s, lambda: self._fetch(server, owner))

    async def _fetch(self, server: ToolServer, owner: str) -> Listing:
        deadline = asyncio.get_running_loop().time() + LISTING_S
        for attempt in range(2):
            connection = await self._pool.get(server, owner, deadline)
            try:
                return await fetch(connection, deadline)
            except SessionLost as lost:
                if attempt:
                    raise ToolUnavailable(str(lost)) from None
        raise AssertionError  # the loop returns or raises

    def _gate(self, server: ToolServer) -> Gate:
        """Return a server's limits; a new revision begins anew."""
        if server.disabled:
            raise ToolRefused("the server is disabled")
        revision, gate = self._gates.get(server.id, (server.revision, None))
        if gate is None or revision < server.revision:
            gate = Gate(server.options.limits)
            self._gates[server.id] = (server.revision, gate)
        self._gates.move_to_end(server.id)
        while len(self._gates) > _GATES:
            self._gates.popitem(last=False)
        return gate

    @contextmanager
    def _watched(self, server: ToolServer) -> Iterator[None]:
        """Count errors, and take the server's secrets out of their texts."""
        try:
            yield
        except ToolError as error:
            error.args = (for_errors(server)(str(error))[:TEXT_LIMIT],)
            self._record.failed(server.id, error)
            raise

    def _changed(self, server_id: str) -> None:
        self._catalogue.changed(server_id)
        if self._news is not None:
            self._news.add(server_id)

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(min(_TIDY_S, self._bounds.idle_s / 4))
            self._pool.close_idle()
