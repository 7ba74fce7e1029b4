"""Tokens for tool servers, and sign-ins under way: all statements on `tool_token` and `tool_sign_in`.

What is secret is sealed, bound to the row it stands in. Times are the database's own, so that every process agrees when
a sign-in is over.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from mcp.shared.auth import OAuthClientInformationFull, OAuthMetadata, OAuthToken, ProtectedResourceMetadata
from pydantic import BaseModel, Field, ValidationError

from services.storage.database import Database, Tx
from services.storage.driver import Row
from services.storage.statements import Statements
from services.vault.errors import Damaged, VaultError
from services.vault.vault import Vault

LOCK_POLL_S = 0.1

_log = logging.getLogger(__name__)

_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS taken"
_LOAD = "SELECT sealed, expires_at FROM tool_token WHERE server = $1 AND owner = $2"
_STORE = """
    INSERT INTO tool_token (server, owner, sealed, expires_at, updated_at)
    VALUES ($1, $2, $3, $4, clock_timestamp())
    ON CONFLICT (server, owner) DO UPDATE
    SET sealed = excluded.sealed, expires_at = excluded.expires_at, updated_at = excluded.updated_at"""
_FORGET = "DELETE FROM tool_token WHERE server = $1 AND owner = $2"
_OUTDATED = "SELECT server, owner, sealed FROM tool_token ORDER BY server, owner"
_REPLACE = "UPDATE tool_token SET sealed = $3 WHERE server = $1 AND owner = $2 AND sealed = $4 RETURNING 1"
_BEGIN = """
    INSERT INTO tool_sign_in (state, server, owner, url, created_at, expires_at)
    VALUES ($1, $2, $3, $4, clock_timestamp(), clock_timestamp() + make_interval(secs => $5))"""
_FIND = "SELECT server, owner, url FROM tool_sign_in WHERE state = $1 AND expires_at > clock_timestamp()"
_PENDING = """
    SELECT state, url FROM tool_sign_in
    WHERE server = $1 AND owner = $2 AND code IS NULL AND expires_at > clock_timestamp()
    ORDER BY created_at DESC LIMIT 1"""
_PUT_CODE = """
    UPDATE tool_sign_in SET code = $2
    WHERE state = $1 AND code IS NULL AND expires_at > clock_timestamp() RETURNING 1"""
_TAKE_CODE = """
    DELETE FROM tool_sign_in WHERE state = $1 AND code IS NOT NULL AND expires_at > clock_timestamp() RETURNING code"""
_END = "DELETE FROM tool_sign_in WHERE state = $1"
_DELETE_EXPIRED = "DELETE FROM tool_sign_in WHERE expires_at <= clock_timestamp() RETURNING 1"


class Holder(NamedTuple):
    """Whose tokens: a server's id, and an owner, "" for tokens that all owners share."""

    server: str
    owner: str

    @property
    def bound_to(self) -> str:
        """What the tokens are sealed for, and the name of their lock."""
        return f"tool_token/{self.server}/{self.owner}"


class Credentials(BaseModel):
    """What a sign-in led to, and what a refresh in another process needs. It shows none of it when printed.

    Attributes:
        server_url: The MCP endpoint that the tokens are for; never sent anywhere else.
        metadata: The authorization server's, for its token endpoint.
        resource: The MCP server's, for the resource parameter.
        wanted_scope: What the server said is missing; the next sign-in asks for it as well.
    """

    server_url: str
    tokens: OAuthToken = Field(repr=False)
    client_info: OAuthClientInformationFull = Field(repr=False)
    metadata: OAuthMetadata | None = Field(default=None, repr=False)
    resource: ProtectedResourceMetadata | None = Field(default=None, repr=False)
    wanted_scope: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """Credentials, and when the access token ends; None: nobody said."""

    credentials: Credentials
    expires_at: datetime | None

    @property
    def access_token(self) -> str:
        """The access token."""
        return self.credentials.tokens.access_token


class SignInAnswer(BaseModel):
    """What the browser brought back from the authorization server: a code, or an `error`."""

    code: str = Field(default="", repr=False, max_length=8192)
    state: str = Field(max_length=1024)
    iss: str | None = Field(default=None, max_length=2000)
    error: str | None = Field(default=None, max_length=200)


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in under way. Whoever comes back with its `state` must be its owner, or somebody else's tokens come in."""

    state: str = field(repr=False)
    holder: Holder
    url: str = field(repr=False)


@asynccontextmanager
async def locked(db: Database, holder: Holder) -> AsyncGenerator[Tx]:
    """Run the block in a transaction that holds the one lock on the holder's tokens, over all processes.

    Others try again rather than wait within a statement, whose time-out is short. The caller bounds the time.
    """
    while True:
        async with db.transaction() as tx:
            if (await tx.fetch(_LOCK, holder.bound_to))[0]["taken"]:
                yield tx
                return
        await asyncio.sleep(LOCK_POLL_S)


async def load(where: Statements, vault: Vault, holder: Holder) -> Stored | None:
    """Return the holder's credentials.

    Raises:
        VaultError: They cannot be opened.
    """
    rows = await where.fetch(_LOAD, *holder)
    if not rows:
        return None
    text = vault.open(rows[0]["sealed"], bound_to=holder.bound_to)
    try:
        return Stored(Credentials.model_validate_json(text), rows[0]["expires_at"])
    except ValidationError:
        raise Damaged("stored credentials are not as this build writes them") from None


async def store(where: Statements, vault: Vault, holder: Holder, stored: Stored) -> None:
    """Replace the holder's credentials."""
    text = stored.credentials.model_dump_json(exclude_none=True).encode()
    await where.fetch(_STORE, *holder, vault.seal(text, bound_to=holder.bound_to), stored.expires_at)


async def forget(where: Statements, holder: Holder) -> None:
    """Delete the holder's credentials."""
    await where.fetch(_FORGET, *holder)


async def rewrap(where: Statements, vault: Vault) -> int:
    """Bring all credentials under the active master key; returns how many were not. It may be repeated at any time."""
    moved = 0
    for row in await where.fetch(_OUTDATED):
        try:
            moved += await _rewrap(where, vault, row)
        except VaultError as error:
            _log.warning("the tokens for tool server %s cannot be opened: %s", row["server"], error)
    return moved


async def _rewrap(where: Statements, vault: Vault, row: Row) -> int:
    if not vault.needs_rewrap(row["sealed"]):
        return 0
    holder = Holder(row["server"], row["owner"])
    sealed = vault.rewrap(row["sealed"], bound_to=holder.bound_to)
    return len(await where.fetch(_REPLACE, *holder, sealed, row["sealed"]))


async def begin_sign_in(where: Statements, sign_in: SignIn, lifetime_s: float) -> None:
    """Note that somebody is to sign in; sign-ins that are over are deleted."""
    await delete_expired(where)
    await where.fetch(_BEGIN, sign_in.state, *sign_in.holder, sign_in.url, lifetime_s)


async def find_sign_in(where: Statements, state: str) -> SignIn | None:
    """Return the sign-in that a `state` belongs to; None: there is none, or it is over."""
    rows = await where.fetch(_FIND, state)
    return SignIn(state, Holder(rows[0]["server"], rows[0]["owner"]), str(rows[0]["url"])) if rows else None


async def pending(where: Statements, holder: Holder) -> SignIn | None:
    """Return the holder's latest sign-in that waits for a person."""
    rows = await where.fetch(_PENDING, *holder)
    return SignIn(rows[0]["state"], holder, str(rows[0]["url"])) if rows else None


async def put_code(where: Statements, vault: Vault, answer: SignInAnswer) -> bool:
    """Leave what the browser brought for the process that waits; False: nobody waits for it, or it came already."""
    sealed = vault.seal(answer.model_dump_json().encode(), bound_to=_sign_in(answer.state))
    return bool(await where.fetch(_PUT_CODE, answer.state, sealed))


async def take_code(where: Statements, vault: Vault, state: str) -> SignInAnswer | None:
    """Return what the browser brought, once; None: nothing yet."""
    rows = await where.fetch(_TAKE_CODE, state)
    if not rows:
        return None
    return SignInAnswer.model_validate_json(vault.open(rows[0]["code"], bound_to=_sign_in(state)))


async def end_sign_in(where: Statements, state: str) -> None:
    """Delete a sign-in that nobody waits for any more."""
    await where.fetch(_END, state)


async def delete_expired(where: Statements) -> int:
    """Delete the sign-ins that are over; returns how many."""
    return len(await where.fetch(_DELETE_EXPIRED))


def _sign_in(state: str) -> str:
    return f"tool_sign_in/{state}"
