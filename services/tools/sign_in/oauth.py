"""OAuth for tool servers: which `auth` a server's client gets, and how a person signs in."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx2

from domain.errors import ToolAuthNeeded, ToolRefused, Unavailable
from domain.tool_server import AuthorizationCode, BearerToken, ClientCredentials, Http, ToolServer
from services.storage.database import Database
from services.tools.client.library_logs import silence_libraries
from services.tools.sign_in import tokens
from services.tools.sign_in.authorized import StaticToken, StoredToken
from services.tools.sign_in.grants import ByClientCredentials, ByCode, Grant, WaitCode
from services.tools.sign_in.renewal import Renewals
from services.tools.sign_in.tokens import Holder, SignIn, SignInAnswer
from services.vault.vault import Vault

SIGN_IN_LIMIT_S = 600.0
CODE_POLL_S = 0.5


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ToolAuth:
    """Authentication at tool servers; one for all connections of a process.

    Args:
        db: Where tokens are kept.
        vault: What they are sealed with.
        redirect_uri: Our address to which authorization servers send a person's browser back.
        now: The clock.
    """

    def __init__(
        self, db: Database, vault: Vault, *, redirect_uri: str, now: Callable[[], datetime] = _utc_now
    ) -> None:
        self._db = db
        self._vault = vault
        self._redirect_uri = redirect_uri
        self._renewals = Renewals(db, vault, now)
        silence_libraries()

    def for_server(self, server: ToolServer, owner: str) -> httpx2.Auth | None:
        """Return what authenticates requests to a server for an owner; None: nothing does.

        Requests raise ToolAuthNeeded when a person must sign in first, and ToolUnavailable when a token must be renewed
        and its server does not answer.
        """
        reach = server.reach
        if isinstance(reach, Http) and isinstance(reach.auth, BearerToken):
            return StaticToken(reach.url, reach.auth.token)
        grant = self._grant(server)
        return None if grant is None else StoredToken(self._renewals, grant, _holder(server, owner))

    async def authorize(
        self,
        server: ToolServer,
        owner: str,
        *,
        on_url: Callable[[str], Awaitable[None]],
        wait_code: WaitCode | None = None,
    ) -> None:
        """Let a person sign in, and store the tokens.

        The flow lives in this process; what the browser brings back may arrive in any, which leaves it by
        `tokens.put_code`. When this process dies, the sign-in is to be begun anew.

        Args:
            server: A server with an authorization-code grant.
            owner: Who signs in.
            on_url: Is given the URL that the person must open.
            wait_code: Waits for what the browser brings back with a `state`; None: in the database.

        Raises:
            ToolAuthNeeded: The server or the person refused, or nobody came within 10 minutes.
            ToolUnavailable: A server on the way does not answer.
            ToolRefused: The server has no such grant, or leads where we do not connect to.
            ToolAnswerInvalid: An answer breaks the protocol.
            Unavailable: The database does not answer.
        """
        grant, holder = self._grant(server), _holder(server, owner)
        if not isinstance(grant, ByCode):
            raise ToolRefused("nobody can sign in to this server")
        begun: list[str] = []

        async def announce(state: str, url: str) -> None:
            begun.append(state)
            await tokens.begin_sign_in(self._db, SignIn(state, holder, url), SIGN_IN_LIMIT_S)
            await on_url(url)

        before = await self._renewals.load(grant, holder)
        try:
            async with asyncio.timeout(SIGN_IN_LIMIT_S):
                credentials = await grant.signed_in(before, announce, wait_code or self._wait_code)
        except TimeoutError:
            raise ToolAuthNeeded("nobody signed in within the time limit") from None
        finally:
            for state in begun:
                await tokens.end_sign_in(self._db, state)
        await self._renewals.store(holder, credentials)

    async def forget(self, server: ToolServer, owner: str) -> None:
        """Forget the tokens for a server. Connections that have one in use go on with it until it ends."""
        await tokens.forget(self._db, _holder(server, owner))

    async def close(self) -> None:
        """Wait for the renewals under way, which must not be cut; to be called before the database is closed."""
        await self._renewals.close()

    async def _wait_code(self, state: str) -> SignInAnswer:
        while True:
            answer = await self._take_code(state)
            if answer is not None:
                return answer
            await asyncio.sleep(CODE_POLL_S)

    async def _take_code(self, state: str) -> SignInAnswer | None:
        try:
            return await tokens.take_code(self._db, self._vault, state)
        except Unavailable:
            return None  # the person has minutes, the database is back sooner

    def _grant(self, server: ToolServer) -> Grant | None:
        reach = server.reach
        if not isinstance(reach, Http):
            return None
        if isinstance(reach.auth, ClientCredentials):
            return ByClientCredentials(reach, reach.auth)
        if isinstance(reach.auth, AuthorizationCode):
            return ByCode(reach, reach.auth, self._redirect_uri)
        return None


def _holder(server: ToolServer, owner: str) -> Holder:
    """Return whose tokens count: a person's own, or those that all share."""
    auth = server.reach.auth if isinstance(server.reach, Http) else None
    return Holder(server.id, owner if isinstance(auth, AuthorizationCode) and not auth.shared else "")
