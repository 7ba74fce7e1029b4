"""What bounds every change: nobody sees other tenants, gives what they do not have, or handles who may do more."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from domain.caller import Caller
from domain.caller_errors import Forbidden
from domain.errors import Conflict, NotFound, Problem
from domain.grant_scopes import reaches_within
from domain.grants import GrantKind
from domain.permissions import Permission
from services.identity.records import UserRecord
from services.storage.statements import Statements

_ADMINS: Final = """
    SELECT u.id FROM app_user u JOIN user_role r ON r.user_id = u.id
    WHERE u.tenant = $1 AND r.role = 'admin' AND u.disabled_at IS NULL LIMIT 1"""
_OF_ROLES: Final = """
    SELECT DISTINCT kind, pattern FROM access_grant
    WHERE tenant = $1 AND subject_kind = 'role' AND subject = ANY ($2::text[]) ORDER BY kind, pattern"""
_KINDS: Final = frozenset(GrantKind)


def tenant_for(caller: Caller, asked: str | None, platform: Permission) -> str:
    """Return the tenant that a call is about: the caller's, or another with the permission for that.

    Raises:
        Forbidden: It is another, and the caller lacks it.
    """
    if asked is None or asked == caller.tenant:
        return caller.tenant
    if not caller.may(platform):
        raise Forbidden(f"other tenants need the permission {platform.value}", platform.value)
    return asked


def must_see(caller: Caller, tenant: str, platform: Permission, what: str) -> None:
    """Go on only if an object's tenant is the caller's, or they may look into others.

    Raises:
        NotFound: It is not: whether there is such an object is not told.
    """
    if tenant != caller.tenant and not caller.may(platform):
        raise NotFound(f"there is no such {what}")


def must_have(caller: Caller, given: AbstractSet[Permission]) -> None:
    """Go on only if the caller has what is given away.

    Raises:
        Forbidden: Something is missing.
    """
    missing = sorted(given - caller.permissions)
    if missing:
        raise Forbidden(f"this gives the permission {missing[0]}, which you do not have", missing[0])


async def must_reach_roles(where: Statements, caller: Caller, tenant: str, names: Iterable[str]) -> None:
    """Go on only if the caller may use all that roles are granted which they give to somebody.

    Raises:
        Forbidden: A role may use more.
    """
    for row in await where.fetch(_OF_ROLES, tenant, list(names)):
        kind, pattern = row["kind"], row["pattern"]
        if kind in _KINDS and not reaches_within(caller.grants, GrantKind(kind), pattern):
            raise Forbidden(f"this gives the {kind} pattern {pattern!r}, which reaches beyond what you may use")


def must_outrank(caller: Caller, user: UserRecord) -> None:
    """Go on only if a user may do nothing that the caller may not.

    Raises:
        Forbidden: They may.
    """
    more = sorted(user.permissions - caller.permissions)
    if more:
        raise Forbidden(f"this user has the permission {more[0]}, which you do not have", more[0])


async def must_keep_an_admin(where: Statements, tenant: str) -> None:
    """Go on only if a tenant still has an admin who can call. The tenant is locked.

    Raises:
        Conflict: It has none.
    """
    if not await where.fetch(_ADMINS, tenant):
        message = "this is the last admin of the tenant"
        raise Conflict(message, (Problem(code="last_admin", path="", message=message),))
