"""Which deployment a session stays with: so that what a provider has cached of its conversation is found again.

The caller's word for a session is kept as a hash only.
"""

import hashlib

from services.storage.statements import Statements

_FIND = """
    SELECT deployment_id FROM sticky_session
    WHERE owner = $1 AND route = $2 AND session = $3 AND until > clock_timestamp()"""
_FORGET_OLD = "DELETE FROM sticky_session WHERE until < clock_timestamp()"


def key(session: str) -> str:
    """Return by what a session is known."""
    return hashlib.sha256(session.encode()).hexdigest()


async def deployment(where: Statements, owner: str, route: str, session_key: str) -> str | None:
    """Return the session's deployment; None: it has none (any more). Raises Unavailable."""
    rows = await where.fetch(_FIND, owner, route, session_key)
    return rows[0]["deployment_id"] if rows else None


async def forget_old(where: Statements) -> None:
    """Forget sessions that are over. Raises Unavailable."""
    await where.fetch(_FORGET_OLD)
