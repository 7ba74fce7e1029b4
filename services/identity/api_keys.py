"""API keys: made, changed, rotated, taken out of use. A secret is shown once, when it is made.

Everybody manages their own keys; those of others want `keys.write`, and in other tenants `tenants.write` too.
"""

from datetime import datetime
from typing import Final

from domain.api_keys import SpelledKey
from domain.caller import Caller
from domain.errors import Conflict, NotFound, Problem
from domain.permissions import Permission
from domain.revisions import StaleRevision
from services.identity import key_rows
from services.identity.edit import Edit, wrong
from services.identity.guards import must_see
from services.identity.key_bounds import KeyFields, Maker, Scope, bounded, must_cover, must_not_escape
from services.identity.key_rows import KeyView
from services.identity.key_secrets import add_secret, new_key
from services.identity.pepper import Pepper
from services.identity.records import UserRecord, key_record, user_record
from services.storage.statements import Statements

AT_MOST: Final = 500
"""Keys of a user that are not revoked."""

_COUNT: Final = "SELECT count(*) AS n FROM api_key WHERE user_id = $1 AND revoked_at IS NULL"
_MAKERS: Final = """
    SELECT k.expires_at, EXISTS (SELECT FROM budget b WHERE b.subject = 'key:' || k.id AND b.hard) AS has_budgets,
        EXISTS (SELECT FROM caller_limit l WHERE l.subject = 'key:' || k.id) AS has_limits
    FROM api_key k WHERE k.id = $1"""
_WALLET: Final = "SELECT id FROM wallet WHERE id = $1 AND tenant = $2 AND closed_at IS NULL"
_PAST: Final = "SELECT $1::timestamptz <= clock_timestamp() AS past"
_LOCK: Final = "SELECT revision, revoked_at FROM api_key WHERE id = $1 FOR UPDATE"
_LOCK_USER: Final = "SELECT id FROM app_user WHERE id = $1 FOR UPDATE"
_SWITCH: Final = """
    UPDATE api_key SET disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, clock_timestamp()) END,
        revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = $1"""
_REVOKE: Final = """
    UPDATE api_key SET revoked_at = clock_timestamp(), revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = $1"""


async def seen(where: Statements, caller: Caller, key_id: str) -> KeyView:
    """Return a key that a caller may see.

    Raises:
        NotFound: There is none of this id, or it is not theirs to see.
    """
    found = await key_rows.view(where, key_id)
    if found.user_id == caller.owner and found.tenant == caller.tenant:
        return found
    if not caller.may(Permission.KEYS_WRITE):
        raise NotFound("there is no such key")
    must_see(caller, found.tenant, Permission.TENANTS_WRITE, "key")
    return found


async def create(edit: Edit, pepper: Pepper, user_id: str | None, fields: KeyFields) -> tuple[KeyView, SpelledKey]:
    """Make a key, for the caller or another user; its secret is to be shown once.

    Raises:
        InvalidInput: It expires in the past, its wallet is not the tenant's, or the user has too many.
        NotFound: There is no such user, or not in a tenant that the caller may change.
        Forbidden: It would have more than its maker, or would escape the budgets and limits of the key they use.
    """
    user = await _user(edit, user_id or edit.caller.owner)
    maker = await maker_of(edit)
    must_not_escape(maker)
    scope = await _scope(edit, maker, user, fields)
    await edit.tx.fetch(_LOCK_USER, user.id)
    (count,) = await edit.tx.fetch(_COUNT, user.id)
    if count["n"] >= AT_MOST:
        raise wrong("too_many", "", f"a user has at most {AT_MOST} keys")
    made = new_key()
    await key_rows.add(edit.tx, made.id, (user.tenant, user.id, edit.by.actor), fields.name, scope)
    await add_secret(edit.tx, made.id, 1, await pepper.digest(made.secret))
    await edit.note("create", "key", made.id, user=user.id, **_told(fields))
    return await key_rows.view(edit.tx, made.id), made


async def replace(edit: Edit, key_id: str, fields: KeyFields, expected: int | None) -> KeyView:
    """Have a key be something else; its secrets stay.

    Raises:
        InvalidInput: As `create`.
        NotFound: There is none of this id that the caller may change.
        Forbidden: It would have more than the caller.
        Conflict: It is revoked; StaleRevision: another revision than expected.
    """
    now = await locked(edit, key_id, expected)
    user = await _user(edit, now.user_id)
    await key_rows.change(edit.tx, key_id, fields.name, await _scope(edit, await maker_of(edit), user, fields))
    await edit.note("replace", "key", key_id, **_told(fields))
    return await key_rows.view(edit.tx, key_id)


async def switch(edit: Edit, key_id: str, *, disabled: bool, expected: int | None) -> KeyView:
    """Take a key out of use, or into it again.

    Raises:
        NotFound, Conflict: As `replace`.
        Forbidden: It is to be used again, and gives more than the caller has.
    """
    now = await locked(edit, key_id, expected)
    if not disabled:
        await cover(edit, now)
    await edit.tx.fetch(_SWITCH, key_id, disabled)
    await edit.note("disable" if disabled else "enable", "key", key_id)
    return await key_rows.view(edit.tx, key_id)


async def revoke(edit: Edit, key_id: str, expected: int | None) -> None:
    """Take a key out of use for ever. It stays known, because what was done with it names it.

    Raises:
        NotFound, Conflict: As `replace`.
    """
    await locked(edit, key_id, expected)
    await edit.tx.fetch(_REVOKE, key_id)
    await edit.note("revoke", "key", key_id)


async def locked(edit: Edit, key_id: str, expected: int | None = None) -> KeyView:
    """Return a key that the caller may change, locked.

    Raises:
        NotFound: There is none of this id that the caller may change.
        Conflict: It is revoked; StaleRevision: another revision than expected.
    """
    await seen(edit.tx, edit.caller, key_id)
    (row,) = await edit.tx.fetch(_LOCK, key_id)
    if row["revoked_at"] is not None:
        message = "the key is revoked"
        raise Conflict(message, (Problem(code="revoked", path="", message=message),))
    if expected is not None and row["revision"] != expected:
        raise StaleRevision(f"the key has been changed since: it is at revision {row['revision']}")
    return await key_rows.view(edit.tx, key_id)


async def cover(edit: Edit, key: KeyView) -> None:
    """Go on only if a key gives no more than the caller has. Raises Forbidden."""
    record = await key_record(edit.tx, key.id)
    if record is not None:
        must_cover(await maker_of(edit), record, key.expires_at)


async def maker_of(edit: Edit) -> Maker:
    """Return who makes a key, with the one that they use themselves."""
    if edit.caller.key_id is None:
        return Maker(edit.caller)
    (row,) = await edit.tx.fetch(_MAKERS, edit.caller.key_id)
    found = {Permission.BUDGETS_WRITE: row["has_budgets"], Permission.LIMITS_WRITE: row["has_limits"]}
    ceilings = frozenset(permission for permission, has_some in found.items() if has_some)
    expires_at: datetime | None = row["expires_at"]
    return Maker(edit.caller, await key_record(edit.tx, edit.caller.key_id), expires_at, ceilings)


async def _user(edit: Edit, user_id: str) -> UserRecord:
    user = await user_record(edit.tx, user_id)
    is_own = user_id == edit.caller.owner
    if user is None or not (is_own or edit.caller.may(Permission.KEYS_WRITE)):
        raise NotFound("there is no such user")
    must_see(edit.caller, user.tenant, Permission.TENANTS_WRITE, "user")
    return user


async def _scope(edit: Edit, maker: Maker, user: UserRecord, fields: KeyFields) -> Scope:
    scope = bounded(maker, user, fields)
    if fields.expires_at is not None:
        (row,) = await edit.tx.fetch(_PAST, fields.expires_at)
        if row["past"]:
            raise wrong("in_the_past", "/expires_at", "this time is over")
    if scope.wallet is not None and not await edit.tx.fetch(_WALLET, scope.wallet, user.tenant):
        raise wrong("unknown_wallet", "/wallet", "the tenant has no such wallet, or it is closed")
    return scope


def _told(fields: KeyFields) -> dict[str, object]:
    return fields.model_dump(mode="json", exclude_defaults=True)
