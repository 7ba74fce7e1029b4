"""Roles: the built-in ones, and a tenant's own, each a named set of permissions."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from domain.caller_errors import Forbidden
from domain.errors import Conflict, NotFound, Problem
from domain.permissions import ROLES, Permission
from domain.revisions import StaleRevision
from domain.user_names import skeleton
from domain.value import Value
from services.identity.edit import Edit, unknown_tenant, wrong
from services.identity.guards import must_have
from services.identity.records import permissions_of
from services.storage.driver import Row
from services.storage.statements import Statements

AT_MOST: Final = 100
"""Roles of a tenant's own."""

RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]

_COLUMNS: Final = "name, description, permissions, revision, created_at, updated_at"
_OWN: Final = f"SELECT {_COLUMNS} FROM role WHERE tenant = $1 ORDER BY name"  # noqa: S608  our own columns
_ONE: Final = f"SELECT {_COLUMNS} FROM role WHERE tenant = $1 AND name = $2"  # noqa: S608  our own columns
_ADD: Final = """
    INSERT INTO role (tenant, name, description, permissions, revision) VALUES ($1, $2, $3, $4, 1)
    ON CONFLICT DO NOTHING RETURNING name"""
_CHANGE: Final = """
    UPDATE role SET description = $3, permissions = $4, revision = revision + 1, updated_at = clock_timestamp()
    WHERE tenant = $1 AND name = $2 AND ($5::int IS NULL OR revision = $5) RETURNING name"""
_DELETE: Final = """
    DELETE FROM role WHERE tenant = $1 AND name = $2 AND ($3::int IS NULL OR revision = $3) RETURNING name"""
_USERS: Final = """
    SELECT u.id FROM user_role r JOIN app_user u ON u.id = r.user_id
    WHERE u.tenant = $1 AND r.role = $2 ORDER BY u.id LIMIT 20"""
_DROP_GRANTS: Final = "DELETE FROM access_grant WHERE tenant = $1 AND subject_kind = 'role' AND subject = $2"


class RoleFields(Value):
    """What can be said of a role."""

    description: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""
    permissions: Annotated[tuple[Permission, ...], Field(max_length=len(Permission))]


class NewRole(RoleFields):
    """A role to be made."""

    name: RoleName


class RoleView(Value):
    """A role. A built-in one has neither revision nor times, and cannot be changed."""

    name: str
    description: str
    permissions: tuple[Permission, ...]
    built_in: bool
    revision: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


async def listed(where: Statements, tenant: str) -> list[RoleView]:
    """Return the built-in roles and a tenant's own."""
    own = [_view(row) for row in await where.fetch(_OWN, tenant)]
    return [*(_built_in(name) for name in ROLES), *own]


async def view(where: Statements, tenant: str, name: str) -> RoleView:
    """Return a role. Raises NotFound."""
    if name in ROLES:
        return _built_in(name)
    rows = await where.fetch(_ONE, tenant, name)
    if not rows:
        raise NotFound("there is no such role")
    return _view(rows[0])


async def permissions_by_name(where: Statements, tenant: str, names: Iterable[str]) -> dict[str, frozenset[Permission]]:
    """Return what roles give. Raises InvalidInput: one of them is no role of the tenant's."""
    own = {row["name"]: permissions_of(row["permissions"]) for row in await where.fetch(_OWN, tenant)}
    known = {**own, **ROLES}
    unknown = sorted(set(names) - known.keys())
    if unknown:
        raise wrong("unknown_role", "/roles", f"there is no role {unknown[0]!r}")
    return {name: known[name] for name in names}


async def create(edit: Edit, tenant: str, role: NewRole) -> RoleView:
    """Make a role.

    Raises:
        InvalidInput: It is called like a built-in one, or the tenant is none, or has too many.
        Conflict: There is one of this name.
        Forbidden: It gives what the caller has not.
    """
    if any(skeleton(role.name) == skeleton(name) for name in ROLES):
        raise wrong("reserved_name", "/name", "the name is, or looks like, a built-in role's")
    must_have(edit.caller, frozenset(role.permissions))
    if not await edit.lock(tenant):
        raise unknown_tenant()
    if len(await edit.tx.fetch(_OWN, tenant)) >= AT_MOST:
        raise wrong("too_many", "", f"a tenant has at most {AT_MOST} roles of its own")
    if not await edit.tx.fetch(_ADD, tenant, role.name, role.description, _words(role)):
        message = "there is a role of this name already"
        raise Conflict(message, (Problem(code="duplicate_name", path="/name", message=message),))
    await edit.note("create", "role", role.name, permissions=_words(role), tenant=tenant)
    return await view(edit.tx, tenant, role.name)


async def replace(edit: Edit, tenant: str, name: str, fields: RoleFields, expected: int | None = None) -> RoleView:
    """Have a role give something else.

    Raises:
        NotFound: There is none of this name.
        Forbidden: It is built in, or gives, before or after, what the caller has not.
        StaleRevision: It has another revision than expected.
    """
    now = await _own(edit, tenant, name)
    must_have(edit.caller, frozenset(fields.permissions) | frozenset(now.permissions))
    if not await edit.tx.fetch(_CHANGE, tenant, name, fields.description, _words(fields), expected):
        raise _stale(now)
    await edit.note("replace", "role", name, permissions=_words(fields), before=now.permissions, tenant=tenant)
    return await view(edit.tx, tenant, name)


async def delete(edit: Edit, tenant: str, name: str, expected: int | None = None) -> None:
    """Remove a role that nobody has, with its grants.

    Raises:
        NotFound: There is none of this name.
        Forbidden: It is built in, or gives what the caller has not.
        Conflict: Users have it, who are named; StaleRevision: another revision than expected.
    """
    now = await _own(edit, tenant, name)
    must_have(edit.caller, frozenset(now.permissions))
    users = [row["id"] for row in await edit.tx.fetch(_USERS, tenant, name)]
    if users:
        problems = tuple(Problem(code="in_use", path="", message=user) for user in users)
        raise Conflict("users have this role", problems)
    if not await edit.tx.fetch(_DELETE, tenant, name, expected):
        raise _stale(now)
    await edit.tx.fetch(_DROP_GRANTS, tenant, name)
    await edit.note("delete", "role", name, tenant=tenant)


async def _own(edit: Edit, tenant: str, name: str) -> RoleView:
    if name in ROLES:
        raise Forbidden("a built-in role cannot be changed")
    await edit.lock(tenant)
    return await view(edit.tx, tenant, name)


def _words(fields: RoleFields) -> list[str]:
    return sorted({permission.value for permission in fields.permissions})


def _view(row: Row) -> RoleView:
    known = permissions_of(row["permissions"])
    return RoleView.model_validate({**row, "permissions": sorted(known), "built_in": False})


def _built_in(name: str) -> RoleView:
    return RoleView(name=name, description="", permissions=tuple(sorted(ROLES[name])), built_in=True)


def _stale(now: RoleView) -> StaleRevision:
    return StaleRevision(f"the role has been changed since: it is at revision {now.revision}")
