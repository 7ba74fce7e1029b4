"""Logging in and out: what a password or a refresh token is exchanged for, and how sessions end.

Whatever is wrong, name or password, unknown or disabled, the answer and the work behind it are the same. Refusals are
in the audit log, without the name that was typed: it may be a password in the wrong field.
"""

from dataclasses import dataclass, field
from typing import Final

from domain.caller_errors import Unauthenticated
from domain.errors import LonghaulError, Problem, Unavailable
from services.identity import lockout, password_rows, refresh_tokens, session_rows
from services.identity.lockout import Try
from services.identity.password_rows import Account
from services.identity.passwords import PasswordRefused, Passwords, refuse_weak
from services.identity.pepper import Pepper
from services.identity.refresh_tokens import Fresh, Renewed, Reused
from services.identity.session_rows import Client, EndReason, SessionView
from services.identity.token_form import refused
from services.identity.tokens import Claims, Tokens
from services.storage.audit import Act, By, record
from services.storage.database import Database, Tx
from services.storage.statements import Statements

PASSWORD: Final = "password"  # noqa: S105  the method of a session
_LONGEST_NAME: Final = 200
_SAME = "the new password is the old one"


class GrantRefused(Unauthenticated):
    """A name, password or refresh token that gives nothing."""

    code = "wrong_credentials"


@dataclass(frozen=True)
class Granted:
    """What a log-in gives. It shows neither token when printed."""

    session_id: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True)
class Newcomer:
    """Who begins a session, and how: `method` is `password`, or names an OpenID provider."""

    user_id: str
    tenant: str
    method: str


@dataclass(frozen=True)
class NewPassword:
    """A password that is to replace another. `session_id`: the session that goes on; None: all of them end."""

    old: str = field(repr=False)
    new: str = field(repr=False)
    session_id: str | None = None


class LogIns:
    """Log-ins of people. One a process.

    Args:
        db: The database.
        tokens: Issues and verifies access tokens.
        passwords: Hashes passwords.
        pepper: For HMACs of what is stored of refresh tokens and of names.

    `patience`: how wrong passwords are met; it may be changed at any time.
    """

    def __init__(self, db: Database, tokens: Tokens, passwords: Passwords, pepper: Pepper) -> None:
        self._db = db
        self._tokens = tokens
        self._passwords = passwords
        self._pepper = pepper
        self.patience = lockout.USUAL

    async def by_password(self, name: str, password: str, client: Client) -> Granted:
        """Log in.

        Raises:
            GrantRefused: The name or the password is wrong, or the password must be changed first.
            RateLimited: The name or the address has failed too often, and has to wait.
            Unavailable: The database does not answer, or too many log in.
        """
        account, tried = await self._checked(name, password, client)
        if account.must_change:
            await lockout.passed(self._db, tried)
            raise GrantRefused("the password must be changed first")
        token = await self.fresh()
        async with self._db.transaction() as tx:
            if not await password_rows.hold(tx, account.user_id, account.hash or ""):
                raise Unavailable("the password or the user was changed at this moment", 1.0)
            await lockout.passed(tx, tried)
            session_id = await self.begin(tx, Newcomer(account.user_id, account.tenant, PASSWORD), client, token)
        return await self.granted(account.user_id, session_id, token.token)

    async def by_refresh(self, token: str, client: Client) -> Granted:
        """Go on with a session: a new access token, and a new refresh token in place of this one.

        Raises:
            GrantRefused: It is unknown or over, or was used before: then its session is over now.
            Unavailable: The database does not answer.
        """
        presented = await refresh_tokens.presented(self._pepper, token)
        if presented is None:
            raise _no_refresh()
        async with self._db.transaction() as tx:
            found = await refresh_tokens.renew(tx, presented)
            if isinstance(found, Reused):
                act = Act("refresh.reused", "session", found.session_id, {"user": found.user_id})
                await record(tx, By("nobody", "nobody", found.tenant, address=client.address), act)
        if not isinstance(found, Renewed):
            raise _no_refresh()
        return await self.granted(found.user_id, found.session_id, found.token)

    async def fresh(self) -> Fresh:
        """Return the first refresh token of a session; made before the transaction in which it begins."""
        return await refresh_tokens.fresh(self._pepper)

    async def begin(self, tx: Tx, who: Newcomer, client: Client, token: Fresh) -> str:
        """Begin a session of somebody who is known; returns its id."""
        session_id = await session_rows.begin(tx, who.user_id, who.method, client)
        await refresh_tokens.first(tx, session_id, token)
        by = By(who.user_id, who.user_id, who.tenant, address=client.address)
        await record(tx, by, Act("login", "session", session_id, {"method": who.method}))
        return session_id

    async def granted(self, user_id: str, session_id: str, refresh_token: str) -> Granted:
        """Return a session's tokens, with a new access token."""
        access = await self._tokens.issue(user_id, session_id)
        return Granted(session_id, access, refresh_token, self._tokens.lives_s)

    async def session_of(self, token: str) -> Claims:
        """Return what a token says whose session goes on.

        Raises:
            Unauthenticated: It is no good token, or its session is over.
        """
        claims = await self._tokens.verify(token)
        if not await session_rows.is_live(self._db, claims.session_id, claims.user_id):
            raise refused()
        return claims

    async def sessions(self, claims: Claims) -> list[SessionView]:
        """Return the sessions of a token's user that go on."""
        return await session_rows.listed(self._db, claims.user_id)

    async def end_one(self, claims: Claims, session_id: str, client: Client) -> bool:
        """End one session of a token's user; False: they have none of this id that goes on."""
        async with self._db.transaction() as tx:
            if not await session_rows.end_own(tx, session_id, claims.user_id):
                return False
            account = await password_rows.by_id(tx, claims.user_id)
            await record(tx, _by(account, client), Act("logout", "session", session_id))
            return True

    async def log_out(self, claims: Claims, client: Client, *, everywhere: bool) -> None:
        """End a token's session, or all sessions of its user."""
        async with self._db.transaction() as tx:
            if everywhere:
                await session_rows.end_all(tx, claims.user_id, EndReason.LOGGED_OUT_EVERYWHERE)
            else:
                await session_rows.end(tx, claims.session_id, EndReason.LOGGED_OUT)
            account = await password_rows.by_id(tx, claims.user_id)
            act = Act("logout", "session", claims.session_id, {"everywhere": everywhere})
            await record(tx, _by(account, client), act)

    async def hashed(self, password: str, user_name: str) -> str:
        """Return a password as it is stored.

        Raises:
            PasswordRefused: It may not be set.
            Unavailable: Too many are being hashed.
        """
        return await self._passwords.hash(password, user_name)

    async def change_password(self, who: str | Claims, change: NewPassword, client: Client) -> None:
        """Replace a password by who knows it; all sessions but the one that goes on are over.

        Args:
            who: The user's name, or what their token says.
            change: The passwords.
            client: From where.

        Raises:
            GrantRefused: The name or the old password is wrong.
            PasswordRefused: The new one may not be set.
            RateLimited: The name or the address has failed too often, and has to wait.
            Unavailable: The database does not answer, or too many log in.
        """
        name = who if isinstance(who, str) else await self._name(who)
        refuse_weak(change.new, name)
        account, tried = await self._checked(name, change.old, client)
        if change.new == change.old:
            await lockout.passed(self._db, tried)
            raise PasswordRefused(_SAME, (Problem(code="password_refused", path="/new_password", message=_SAME),))
        try:
            new = await self._passwords.hash(change.new, account.name)
        except LonghaulError:  # the old one was right all the same
            await lockout.passed(self._db, tried)
            raise
        async with self._db.transaction() as tx:
            if not await password_rows.hold(tx, account.user_id, account.hash or ""):
                raise Unavailable("the password or the user was changed at this moment", 1.0)
            await lockout.passed(tx, tried)
            await password_rows.store(tx, account.user_id, new)
            await session_rows.end_all(tx, account.user_id, EndReason.PASSWORD_CHANGED, change.session_id)
            await record(tx, _by(account, client), Act("password.change", "user", account.user_id))

    async def _name(self, claims: Claims) -> str:
        account = await password_rows.by_id(self._db, claims.user_id)
        return "" if account is None else account.name

    async def _checked(self, name: str, password: str, client: Client) -> tuple[Account, Try]:
        """Return whose name and password these are, with the hash that is stored now.

        The try is counted before, and stays counted until it is taken back.
        """
        tried = await lockout.begin(self._db, await self._name_digest(name), client.address, self.patience)
        try:
            account = await password_rows.by_name(self._db, name)
            checked = await self._passwords.check(password, None if account is None else account.hash)
        except Unavailable:
            await lockout.undone(self._db, tried)
            raise
        if account is None or not checked.right:
            await _note_refusal(self._db, account, client)
            raise _wrong()
        if checked.renewed is not None:
            await password_rows.rehash(self._db, account.user_id, checked.renewed, account.hash or "")
            account = await password_rows.by_id(self._db, account.user_id) or account
        return account, tried

    async def _name_digest(self, name: str) -> bytes:
        folded = password_rows.folded(name[:_LONGEST_NAME])
        return await self._pepper.digest(f"name:{folded}")


def _no_refresh() -> GrantRefused:
    return GrantRefused("the refresh token is not valid")


def _wrong() -> GrantRefused:
    return GrantRefused("the user name or the password is wrong")


async def _note_refusal(where: Statements, account: Account | None, client: Client) -> None:
    user = "unknown" if account is None else account.user_id
    tenant = {} if account is None else {"tenant": account.tenant}
    await record(where, By("nobody", "nobody", address=client.address, **tenant), Act("login.refused", "user", user))


def _by(account: Account | None, client: Client) -> By:
    if account is None:
        return By("nobody", "nobody", address=client.address)
    return By(account.user_id, account.user_id, account.tenant, address=client.address)
