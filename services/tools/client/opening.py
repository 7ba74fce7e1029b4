"""How a connection to a server is opened: its configuration made into a transport."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal

import httpx2

from domain.tool_server import Http, ToolServer
from services.tools.client.child import Launch
from services.tools.client.commands import Commands
from services.tools.client.connection import Connection, Opening
from services.tools.client.http import ENVELOPE_BYTES, http_streams
from services.tools.client.masking import for_errors
from services.tools.client.stdio import stdio_streams
from services.tools.client.streams import OnEnd, Streams

AuthFor = Callable[[ToolServer, str], httpx2.Auth | None]
"""Gives what signs an owner's requests to a server in; None: nothing beside the fixed headers."""


class Opener:
    """Opens connections.

    Attributes:
        commands: What stdio servers may be.
        auth: Signs HTTP requests in.
        on_changed: Told the id of a server whose lists have changed.
        mode: Which protocol is spoken.
    """

    def __init__(
        self,
        commands: Commands,
        auth: AuthFor | None,
        on_changed: Callable[[str], None],
        mode: Literal["auto", "legacy"],
    ) -> None:
        self._commands = commands
        self._auth = auth
        self._on_changed = on_changed
        self._mode: Literal["auto", "legacy"] = mode

    def open(self, server: ToolServer, owner: str) -> Connection:
        """Begin a connection.

        Raises:
            ToolRefused: The command is not on the list, or may not have this environment.
            ToolAuthNeeded: The owner has not signed in.
        """
        opening = Opening(
            streams=self._streams(server, owner),
            limit_s=server.options.limits.connect_timeout_s,
            on_changed=lambda: self._on_changed(server.id),
            mode=self._mode,
        )
        return Connection(opening)

    def _streams(self, server: ToolServer, owner: str) -> Callable[[OnEnd], AbstractAsyncContextManager[Streams]]:
        reach, limits = server.reach, server.options.limits
        if isinstance(reach, Http):
            auth = self._auth(server, owner) if self._auth else None
            return lambda _: http_streams(reach, limits, auth)
        launch = Launch((self._commands.resolve(reach.command), *reach.args), self._commands.environment(reach.env))
        line_limit, mask = limits.max_result_bytes + ENVELOPE_BYTES, for_errors(server)
        return lambda on_end: stdio_streams(launch, line_limit, mask, on_end)
