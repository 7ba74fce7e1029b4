"""People's passwords as rows: found by the name that somebody types, and replaced."""

from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidInput
from domain.user_names import normalised, skeleton
from services.storage.database import Tx
from services.storage.driver import Row
from services.storage.statements import Statements

_COLUMNS: Final = """
    SELECT u.id, u.tenant, u.name, p.hash, coalesce(p.must_change, false) AS must_change,
        u.disabled_at IS NULL AND o.disabled_at IS NULL AND u.kind = 'person' AS enabled
    FROM app_user u JOIN tenant o ON o.id = u.tenant LEFT JOIN user_password p ON p.user_id = u.id"""
_BY_NAME: Final = f"{_COLUMNS} WHERE u.skeleton = $1 AND u.name = $2"
_BY_ID: Final = f"{_COLUMNS} WHERE u.id = $1"
_HOLD: Final = """
    SELECT u.id FROM app_user u JOIN tenant o ON o.id = u.tenant JOIN user_password p ON p.user_id = u.id
    WHERE u.id = $1 AND p.hash = $2 AND u.disabled_at IS NULL AND o.disabled_at IS NULL
    FOR SHARE OF u FOR UPDATE OF p"""
_STORE: Final = """
    INSERT INTO user_password (user_id, hash, must_change, changed_at) VALUES ($1, $2, $3, clock_timestamp())
    ON CONFLICT (user_id) DO UPDATE
    SET hash = excluded.hash, must_change = excluded.must_change, changed_at = excluded.changed_at"""
_REHASH: Final = "UPDATE user_password SET hash = $2 WHERE user_id = $1 AND hash = $3"


@dataclass(frozen=True)
class Account:
    """Who may log in by password. `hash` None: nobody does, for there is none or the user is disabled."""

    user_id: str
    tenant: str
    name: str
    hash: str | None
    must_change: bool


async def by_name(where: Statements, name: str) -> Account | None:
    """Find a user by the name that somebody typed; what is no name finds nobody."""
    try:
        found = normalised(name)
    except InvalidInput:
        return None
    rows = await where.fetch(_BY_NAME, skeleton(found), found)
    return _account(rows[0]) if rows else None


async def by_id(where: Statements, user_id: str) -> Account | None:
    """Find a user by their id."""
    rows = await where.fetch(_BY_ID, user_id)
    return _account(rows[0]) if rows else None


async def hold(tx: Tx, user_id: str, hash_: str) -> bool:
    """Keep a user and their password as they are until the transaction ends; False: they have changed since."""
    return bool(await tx.fetch(_HOLD, user_id, hash_))


async def store(where: Statements, user_id: str, hash_: str, *, must_change: bool = False) -> None:
    """Set a user's password. `must_change`: somebody else knows it, so that it opens nothing but its own change."""
    await where.fetch(_STORE, user_id, hash_, must_change)


async def rehash(where: Statements, user_id: str, hash_: str, old: str) -> None:
    """Store the same password with other parameters, unless it was changed meanwhile."""
    await where.fetch(_REHASH, user_id, hash_, old)


def folded(name: str) -> str:
    """Return the one spelling of a name, or a text that is no name as it is, without what cannot be stored."""
    try:
        return normalised(name)
    except InvalidInput:
        return name.encode("utf-8", "replace").decode()


def _account(row: Row) -> Account:
    hash_ = row["hash"] if row["enabled"] else None
    return Account(row["id"], row["tenant"], row["name"], hash_, row["must_change"])
