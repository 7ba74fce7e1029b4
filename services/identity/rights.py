"""What a user may do and use, alone, by a key, or when somebody acts for them. Each narrows, and none widens."""

from dataclasses import dataclass

from domain.caller_errors import Forbidden
from domain.grants import Grants
from domain.permissions import Permission
from services.identity.records import KeyRecord, UserRecord, key_record, user_record
from services.storage.statements import Statements


@dataclass(frozen=True)
class Rights:
    """What may be done, used, and charged. `wallet` None: the tenant has none."""

    permissions: frozenset[Permission]
    grants: Grants
    tenant: str
    wallet: str | None


async def rights_of(where: Statements, owner: str, key_id: str | None) -> Rights:
    """Return what work may do for a user now, which was asked for with a key. For activities.

    That a key has expired since does not matter: it bounds who may ask, not what was asked for.

    Raises:
        Forbidden: The user, their tenant, or the key has been disabled, or is gone.
        Unavailable: The database does not answer.
    """
    if key_id is None:
        return of_user(_enabled(await user_record(where, owner)))
    key = await key_record(where, key_id)
    if key is None or key.disabled:
        raise Forbidden("the key that asked for this is disabled")
    held = of_key(key, _enabled(key.user))
    if key.user.id == owner:
        return held
    return acting(held, of_user(_enabled(await user_record(where, owner))))


def of_user(user: UserRecord) -> Rights:
    """Return what a user has."""
    return Rights(user.permissions, user.grants, user.tenant, user.wallet)


def of_key(key: KeyRecord, user: UserRecord) -> Rights:
    """Return what a user has by a key."""
    allowed = user.permissions if key.permissions is None else user.permissions & key.permissions
    return Rights(allowed, user.grants.narrowed(key.layer), user.tenant, key.wallet or user.wallet)


def acting(actor: Rights, owner: Rights) -> Rights:
    """Return what one may do for the other: what both may."""
    grants = Grants((*actor.grants.layers, *owner.grants.layers))
    return Rights(actor.permissions & owner.permissions, grants, owner.tenant, actor.wallet)


def _enabled(user: UserRecord | None) -> UserRecord:
    if user is None or user.disabled:
        raise Forbidden("the user whom this is for is disabled")
    return user
