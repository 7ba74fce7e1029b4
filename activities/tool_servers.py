"""The ToolServers port: reading what servers offer, signing in, and finding who waits for an approval."""

import logging

from temporalio import activity

from activities.errors import Mapped
from activities.heartbeat import Beating
from contracts.ports import ToolServers
from contracts.tools import FreeGates, OpenGates, RefreshedServer, RefreshTools, ServersToRefresh, SignIn
from domain.errors import InvalidInput, LonghaulError, NotFound, Unavailable
from services.storage.database import Database
from services.tools.client.connections import Connections
from services.tools.registry import gates, servers
from services.tools.registry.refresh import Refreshed, refresh
from services.tools.sign_in.oauth import ToolAuth
from services.vault.vault import Vault

_ERROR_SHOWN = 500
_READINGS = 3

_log = logging.getLogger(__name__)


class McpToolServers(ToolServers):
    """Servers that speak MCP. Without `auth` nobody can sign in."""

    def __init__(self, db: Database, vault: Vault, connections: Connections, auth: ToolAuth | None = None) -> None:
        self._db = db
        self._vault = vault
        self._connections = connections
        self._auth = auth

    @activity.defn(name="servers_to_refresh")
    async def servers_to_refresh(self, request: RefreshTools) -> ServersToRefresh:
        """Return the ids of the servers that a refresh reads: the named one, or all that are not disabled."""
        if request.server is not None:
            return ServersToRefresh(servers=(request.server,))
        with Mapped():
            return ServersToRefresh(servers=await servers.enabled_ids(self._db))

    @activity.defn(name="refresh_server")
    async def refresh_server(self, request: RefreshTools) -> RefreshedServer:
        """Read what one server offers and record what has changed; an unreachable server is an answer, not an error."""
        with Mapped():
            if request.server is None:
                raise InvalidInput("no server is named")
            async with Beating():
                return await self._refresh(request.server, request.reason)

    async def _refresh(self, server_id: str, reason: str) -> RefreshedServer:
        try:
            found = await self._read(server_id, reason)
        except Unavailable:
            raise
        except LonghaulError as error:
            return RefreshedServer(server=server_id, error=str(error)[:_ERROR_SHOWN])
        return RefreshedServer(
            server=server_id,
            added=found.added,
            changed=found.changed,
            removed=found.removed,
            total=found.total,
            error=found.error,
        )

    async def _read(self, server_id: str, reason: str) -> Refreshed:
        """Read a server as it is configured; once more when that was changed in mid-reading."""
        found = Refreshed(server_id)
        for _ in range(_READINGS):
            server = await servers.load(self._db, self._vault, server_id)
            if server.disabled:
                return Refreshed(server_id, error="the server is disabled")
            found = await refresh(self._db, self._connections, server, reason)
            if not found.skipped or await servers.revision(self._db, server_id) == server.revision:
                break
        return found

    @activity.defn(name="sign_in")
    async def sign_in(self, request: SignIn) -> None:
        """Take a person through a server's OAuth flow, and keep the tokens; then read what the server offers."""
        with Mapped():
            if self._auth is None:
                raise NotFound("this installation has no way to sign in to tool servers")
            async with Beating():
                server = await servers.load(self._db, self._vault, request.server)
                await self._auth.authorize(server, request.owner, on_url=_told)
                found = await refresh(self._db, self._connections, server, "event")
        _log.info("somebody signed in to tool server %s: %s", request.server, found.error or f"{found.total} offers")

    @activity.defn(name="open_gates")
    async def open_gates(self, request: FreeGates) -> OpenGates:
        """Return a page of requests that wait for the approval of a tool call."""
        with Mapped():
            page = await gates.page(self._db, request.after)
        return OpenGates(request_ids=page.request_ids, after=page.after)


async def _told(_url: str) -> None:
    """The URL is in the database already, where the API finds it; nobody else may see it."""
