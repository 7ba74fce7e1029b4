"""Stored tokens kept fresh: one renewal at a time for each holder, in this process and over all of them."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from domain.errors import ToolUnavailable, Unavailable
from services.storage.database import Database
from services.storage.statements import Statements
from services.tools.sign_in import tokens
from services.tools.sign_in.grants import Grant
from services.tools.sign_in.oauth_flow import SignInRefused
from services.tools.sign_in.tokens import Credentials, Holder, Stored, locked
from services.vault.errors import VaultError
from services.vault.vault import Vault

AHEAD_S = 60.0
"""Tokens are renewed so long before their end, or in the last quarter of a shorter life."""
EXCHANGE_LIMIT_S = 15.0
"""Bound of one exchange with authorization servers; the lock's transaction must not idle for 30 s."""
WAIT_LIMIT_S = 40.0
RENEWALS_AT_ONCE = 4
"""Each holds a connection of the process's pool."""
WANT_LIMIT_S = 2.0
STORE_TRIES = 3
STORE_AGAIN_S = 0.5

_log = logging.getLogger(__name__)

_DEAD = {"invalid_grant", "invalid_client", "unauthorized_client"}
"""Refusals after which the stored tokens are of no use."""


class Renewals:
    """The stored tokens of one process.

    Args:
        db: Where they are stored.
        vault: What they are sealed with.
        now: The clock.
    """

    def __init__(self, db: Database, vault: Vault, now: Callable[[], datetime]) -> None:
        self._db = db
        self._vault = vault
        self._now = now
        self._running: dict[Holder, asyncio.Task[Stored]] = {}
        self._slots = asyncio.Semaphore(RENEWALS_AT_ONCE)

    def now(self) -> datetime:
        """Return the time."""
        return self._now()

    def is_due(self, stored: Stored) -> bool:
        """Whether tokens are to be renewed."""
        life = stored.credentials.tokens.expires_in
        ahead = AHEAD_S if life is None else min(AHEAD_S, life / 4)
        return stored.expires_at is not None and stored.expires_at - timedelta(seconds=ahead) <= self._now()

    def is_over(self, stored: Stored) -> bool:
        """Whether the access token has ended."""
        return stored.expires_at is not None and stored.expires_at <= self._now()

    async def load(self, grant: Grant, holder: Holder) -> Stored | None:
        """Return the stored tokens, if they can be opened and are for the server as it is configured."""
        return await self._load(self._db, grant, holder)

    async def store(self, holder: Holder, credentials: Credentials) -> None:
        """Store what a sign-in led to, in place of all before it.

        Raises:
            ToolUnavailable: The tokens stayed locked.
        """
        try:
            async with asyncio.timeout(WAIT_LIMIT_S), locked(self._db, holder) as tx:
                await tokens.store(tx, self._vault, holder, self._dated(credentials))
        except TimeoutError:
            raise ToolUnavailable("the tokens for this server are being renewed all the time") from None

    async def renew(self, grant: Grant, holder: Holder, last: Stored | None) -> Stored:
        """Return other tokens than the last used, from wherever they are had first.

        A renewal goes on when who asked for it is cancelled: the authorization server may already have given new tokens
        and taken back the old.

        Raises:
            ToolAuthNeeded: Somebody must sign in.
            ToolUnavailable: The authorization server does not answer in time.
            Unavailable: The database does not answer.
        """
        running = self._running.get(holder)
        if running is None:
            running = asyncio.create_task(self._renew_in_time(grant, holder, last))
            self._running[holder] = running
            running.add_done_callback(lambda task: self._ended(holder, task))
        return await asyncio.shield(running)

    async def want(self, grant: Grant, holder: Holder, last: Stored, scope: str) -> None:
        """Remember what rights the last used tokens lack, for the next sign-in; if that fails, it asks for fewer."""
        with suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(WANT_LIMIT_S), locked(self._db, holder) as tx:
                found = await self._load(tx, grant, holder)
                if found is not None and found.access_token == last.access_token:
                    credentials = found.credentials.model_copy(update={"wanted_scope": scope})
                    await tokens.store(tx, self._vault, holder, Stored(credentials, found.expires_at))

    async def close(self) -> None:
        """Wait for the renewals under way."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _ended(self, holder: Holder, task: asyncio.Task[Stored]) -> None:
        del self._running[holder]
        if not task.cancelled():
            task.exception()  # nobody may be left to hear of it

    async def _renew_in_time(self, grant: Grant, holder: Holder, last: Stored | None) -> Stored:
        try:
            async with asyncio.timeout(WAIT_LIMIT_S), self._slots:
                return await self._renew(grant, holder, last)
        except TimeoutError:
            raise ToolUnavailable("the tokens for this server were not renewed in time") from None

    async def _renew(self, grant: Grant, holder: Holder, last: Stored | None) -> Stored:
        outcome = await self._under_lock(grant, holder, last)
        if isinstance(outcome, SignInRefused):
            raise outcome
        return outcome

    async def _under_lock(self, grant: Grant, holder: Holder, last: Stored | None) -> Stored | SignInRefused:
        fresh: list[Stored] = []
        try:
            async with locked(self._db, holder) as tx:
                found = await self._load(tx, grant, holder)
                if found is not None and self._is_news(found, last):
                    return found
                outcome = await self._asked(grant, found)
                if isinstance(outcome, SignInRefused):
                    await tokens.forget(tx, holder)
                    return outcome
                fresh.append(outcome)
                await tokens.store(tx, self._vault, holder, outcome)
        except Unavailable:
            if not fresh:
                raise
            await self._store_again(holder, fresh[0])
        return fresh[0]

    async def _asked(self, grant: Grant, found: Stored | None) -> Stored | SignInRefused:
        """Return new tokens, or the refusal that makes the old ones worthless."""
        try:
            async with asyncio.timeout(EXCHANGE_LIMIT_S):
                return self._dated(await grant.renewed(found))
        except SignInRefused as refusal:
            if refusal.error not in _DEAD:
                raise
            return refusal

    async def _store_again(self, holder: Holder, fresh: Stored) -> None:
        """Store tokens whose commit failed: those in the database may be worthless by now.

        Raises:
            Unavailable: The database does not answer.
        """
        for _ in range(STORE_TRIES - 1):
            with suppress(Unavailable):
                await tokens.store(self._db, self._vault, holder, fresh)
                return
            await asyncio.sleep(STORE_AGAIN_S)
        await tokens.store(self._db, self._vault, holder, fresh)

    def _is_news(self, found: Stored, last: Stored | None) -> bool:
        return (last is None or found.access_token != last.access_token) and not self.is_due(found)

    async def _load(self, where: Statements, grant: Grant, holder: Holder) -> Stored | None:
        try:
            stored = await tokens.load(where, self._vault, holder)
        except VaultError as error:
            _log.warning("stored tokens for server %s cannot be opened (%s)", holder.server, error.code)
            return None
        return stored if stored is not None and grant.fits(stored) else None

    def _dated(self, credentials: Credentials) -> Stored:
        life = credentials.tokens.expires_in
        return Stored(credentials, None if life is None else self._now() + timedelta(seconds=life))
