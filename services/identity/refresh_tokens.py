"""Refresh tokens: random texts, kept as HMACs, good once; the next one is made from the one before.

One that was used before ends its session, because two have it (RFC 9700, section 4.14.2). But an answer may get lost,
and two tabs may renew at once: for `GRACE_S` after its use a token gives the same successor again, as long as nobody
has used that one. The successor is an HMAC of the token under the pepper, so the same is made again without being
stored; and a thief who takes part in that gains a token that he and its owner share, which the next use tells.
"""

import base64
import re
import secrets
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from services.identity import session_rows
from services.identity.pepper import Pepper
from services.identity.session_rows import IDLE_DAYS, LONGEST_DAYS, EndReason
from services.storage.database import Tx
from services.storage.driver import Row

GRACE_S: Final = 10.0
REMEMBERED: Final = 1000
"""How many used tokens of a session are remembered; one that is older is unknown."""

_FORM: Final = re.compile(r"^lhr_[A-Za-z0-9_-]{43}\Z", re.ASCII)
_FIRST = """
    INSERT INTO refresh_token (digest, session_id, n, expires_at)
    VALUES ($1, $2, 1, clock_timestamp() + make_interval(days => $3))"""
_FIND = """
    SELECT s.id AS session_id, s.user_id, u.tenant, t.n,
        s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND t.expires_at > clock_timestamp() AS live,
        u.disabled_at IS NULL AND o.disabled_at IS NULL AS enabled,
        t.used_at IS NOT NULL AS used, t.used_at > clock_timestamp() - make_interval(secs => $2) AS just_now
    FROM refresh_token t JOIN user_session s ON s.id = t.session_id JOIN app_user u ON u.id = s.user_id
    JOIN tenant o ON o.id = u.tenant
    WHERE t.digest = $1"""
_LOCK = """
    SELECT s.id FROM user_session s
    WHERE s.id = (SELECT session_id FROM refresh_token WHERE digest = $1) FOR UPDATE"""
_USE = "UPDATE refresh_token SET used_at = clock_timestamp() WHERE digest = $1"
_NEXT = """
    INSERT INTO refresh_token (digest, session_id, n, expires_at)
    SELECT $1, id, $3, least(
        clock_timestamp() + make_interval(days => $4), created_at + make_interval(days => $5))
    FROM user_session WHERE id = $2 RETURNING expires_at"""
_RENEW = "UPDATE user_session SET used_at = clock_timestamp(), expires_at = $2 WHERE id = $1"
_FORGET = "DELETE FROM refresh_token WHERE session_id = $1 AND n <= $2"
_UNUSED = "SELECT 1 AS yes FROM refresh_token WHERE digest = $1 AND session_id = $2 AND used_at IS NULL"


class Failure(Enum):
    """Why a refresh token gives nothing."""

    UNKNOWN = "unknown"
    OVER = "over"


@dataclass(frozen=True)
class Reused:
    """A token that two have: the session that has ended by it, and whose it was."""

    session_id: str
    user_id: str
    tenant: str


@dataclass(frozen=True)
class Renewed:
    """What a refresh token gave: the next one of its session."""

    session_id: str
    user_id: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Fresh:
    """A token that nobody has seen."""

    token: str = field(repr=False)
    digest: bytes = field(repr=False)


@dataclass(frozen=True)
class Presented:
    """A token that somebody brings, and the one that comes after it."""

    digest: bytes = field(repr=False)
    following: Fresh


async def fresh(pepper: Pepper) -> Fresh:
    """Return the first token of a session that is to begin. Made before its transaction: the pepper may be read."""
    return await _hashed(pepper, f"lhr_{secrets.token_urlsafe(32)}")


async def presented(pepper: Pepper, token: str) -> Presented | None:
    """Return a token as it is found and followed, before its transaction; None: it is none by its form."""
    if not _FORM.match(token):
        return None
    digest = (await _hashed(pepper, token)).digest
    made = await pepper.digest(f"refresh-next:{token}")
    following = f"lhr_{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"
    return Presented(digest, await _hashed(pepper, following))


async def first(tx: Tx, session_id: str, token: Fresh) -> None:
    """Give a new session its first token."""
    await tx.fetch(_FIRST, token.digest, session_id, IDLE_DAYS)


async def renew(tx: Tx, token: Presented) -> Renewed | Reused | Failure:
    """Use a token; the transaction must be committed whatever comes of it, for a reuse has ended the session then."""
    await tx.fetch(_LOCK, token.digest)
    rows = await tx.fetch(_FIND, token.digest, GRACE_S)
    if not rows:
        return Failure.UNKNOWN
    if not (rows[0]["live"] and rows[0]["enabled"]):
        return Failure.OVER
    return await (_again if rows[0]["used"] else _rotated)(tx, rows[0], token)


async def _rotated(tx: Tx, row: Row, token: Presented) -> Renewed:
    session_id, n = row["session_id"], row["n"] + 1
    await tx.fetch(_USE, token.digest)
    made = await tx.fetch(_NEXT, token.following.digest, session_id, n, IDLE_DAYS, LONGEST_DAYS)
    await tx.fetch(_RENEW, session_id, made[0]["expires_at"])
    await tx.fetch(_FORGET, session_id, n - REMEMBERED)
    return _renewed(row, token)


async def _again(tx: Tx, row: Row, token: Presented) -> Renewed | Reused:
    session_id = row["session_id"]
    if row["just_now"] and await tx.fetch(_UNUSED, token.following.digest, session_id):
        return _renewed(row, token)
    await session_rows.end(tx, session_id, EndReason.REUSED)
    return Reused(str(session_id), str(row["user_id"]), str(row["tenant"]))


def _renewed(row: Row, token: Presented) -> Renewed:
    return Renewed(str(row["session_id"]), str(row["user_id"]), token.following.token)


async def _hashed(pepper: Pepper, token: str) -> Fresh:
    return Fresh(token, await pepper.digest(f"refresh:{token}"))
