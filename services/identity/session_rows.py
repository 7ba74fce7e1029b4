"""Sessions as rows: begun, listed, ended. Access tokens name theirs, so that its end is theirs within seconds."""

import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.ids import uuid7_hex
from domain.value import Value
from services.storage.statements import Statements

SESSION_ID: Final = re.compile(r"^ses_[0-9a-f]{32}\Z", re.ASCII)
AT_MOST: Final = 100
"""Sessions that a user has at a time; a further log-in ends the one that was used longest ago."""
IDLE_DAYS: Final = 14
"""How long a refresh token lives; each use makes a new one."""
LONGEST_DAYS: Final = 90
"""How long a session lives, however often it is renewed."""
KEPT_DAYS: Final = 30
"""For how long one that is over is still listed."""

_ADDRESS, _AGENT = 64, 200

_ADD = """
    INSERT INTO user_session (id, user_id, method, address, agent, expires_at)
    VALUES ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(days => $6))"""
_END = """
    UPDATE user_session SET ended_at = clock_timestamp(), end_reason = $2
    WHERE id = $1 AND ended_at IS NULL RETURNING id"""
_END_OWN = """
    UPDATE user_session SET ended_at = clock_timestamp(), end_reason = 'logged_out'
    WHERE id = $1 AND user_id = $2 AND ended_at IS NULL AND expires_at > clock_timestamp() RETURNING id"""
_END_ALL = """
    UPDATE user_session SET ended_at = clock_timestamp(), end_reason = $2
    WHERE user_id = $1 AND ended_at IS NULL AND ($3::text IS NULL OR id <> $3) RETURNING id"""
_END_METHOD = """
    UPDATE user_session SET ended_at = clock_timestamp(), end_reason = 'provider_gone'
    WHERE method = $1 AND ended_at IS NULL"""
_END_MANY = """
    UPDATE user_session SET ended_at = clock_timestamp(), end_reason = 'too_many'
    WHERE id IN (
        SELECT id FROM user_session WHERE user_id = $1 AND ended_at IS NULL AND expires_at > clock_timestamp()
        ORDER BY used_at DESC, id DESC OFFSET $2)"""
_LIST = """
    SELECT id, method, address, agent, created_at, used_at, expires_at FROM user_session
    WHERE user_id = $1 AND ended_at IS NULL AND expires_at > clock_timestamp()
    ORDER BY used_at DESC, id DESC LIMIT $2"""
_LIVE = """
    SELECT s.id FROM user_session s JOIN app_user u ON u.id = s.user_id JOIN tenant t ON t.id = u.tenant
    WHERE s.id = $1 AND s.user_id = $2 AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
        AND u.disabled_at IS NULL AND t.disabled_at IS NULL"""
_OLD = """
    DELETE FROM user_session WHERE id IN (
        SELECT id FROM user_session WHERE expires_at < clock_timestamp() - make_interval(days => $1)
        ORDER BY expires_at LIMIT 50 FOR UPDATE SKIP LOCKED) RETURNING id"""
_OLD_TOKENS = "DELETE FROM refresh_token WHERE session_id = ANY ($1)"


class EndReason(StrEnum):
    """Why a session is over before its time."""

    LOGGED_OUT = "logged_out"
    LOGGED_OUT_EVERYWHERE = "logged_out_everywhere"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  no password
    DISABLED = "disabled"
    REUSED = "reused"
    TOO_MANY = "too_many"
    PROVIDER_GONE = "provider_gone"


@dataclass(frozen=True)
class Client:
    """From where somebody logs in, as far as it is known."""

    address: str | None = None
    agent: str | None = None


class SessionView(Value):
    """A session that goes on. `method`: `password`, or the OpenID provider by which it began."""

    id: str
    method: str
    address: str | None
    agent: str | None
    created_at: datetime
    used_at: datetime
    expires_at: datetime


async def begin(where: Statements, user_id: str, method: str, client: Client) -> str:
    """Begin a session; returns its id. The user's oldest end when there are too many, and old rows are removed."""
    session_id = f"ses_{uuid7_hex(time.time_ns() // 1_000_000, secrets.randbits(80))}"
    agent = None if client.agent is None else client.agent[:_AGENT].replace("\0", "")
    address = None if client.address is None else client.address[:_ADDRESS]
    await where.fetch(_END_MANY, user_id, AT_MOST - 1)
    await where.fetch(_ADD, session_id, user_id, method, address, agent, IDLE_DAYS)
    removed = await where.fetch(_OLD, KEPT_DAYS)
    if removed:
        await where.fetch(_OLD_TOKENS, [row["id"] for row in removed])
    return session_id


async def end(where: Statements, session_id: str, reason: EndReason) -> bool:
    """End a session; False: it was over."""
    return bool(await where.fetch(_END, session_id, reason.value))


async def end_own(where: Statements, session_id: str, user_id: str) -> bool:
    """End a session of this user; False: they have none of this id that goes on."""
    return bool(await where.fetch(_END_OWN, session_id, user_id))


async def end_all(where: Statements, user_id: str, reason: EndReason, but: str | None = None) -> int:
    """End all sessions of a user, `but` one; returns how many. Whoever disables a user calls this."""
    return len(await where.fetch(_END_ALL, user_id, reason.value, but))


async def end_method(where: Statements, method: str) -> None:
    """End all sessions that began by an OpenID provider."""
    await where.fetch(_END_METHOD, method)


async def listed(where: Statements, user_id: str) -> list[SessionView]:
    """Return a user's sessions that go on, the latest used first."""
    return [SessionView.model_validate(dict(row)) for row in await where.fetch(_LIST, user_id, AT_MOST)]


async def is_live(where: Statements, session_id: str, user_id: str) -> bool:
    """Whether a session goes on, and its user and their tenant are not disabled."""
    return bool(await where.fetch(_LIVE, session_id, user_id))
