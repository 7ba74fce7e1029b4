"""Users: made, listed, changed, taken out of use, and given roles. Nobody is deleted: what is theirs names them."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from domain.errors import Conflict, NotFound, Problem
from domain.permissions import ROLES, Permission, effective
from domain.revisions import StaleRevision
from domain.user_names import normalised, skeleton
from domain.value import Value
from services.identity import roles, session_rows
from services.identity.edit import Edit, new_id, unknown_tenant, wrong
from services.identity.guards import must_have, must_keep_an_admin, must_outrank, must_reach_roles, must_see
from services.identity.records import UserRecord, user_record
from services.identity.session_rows import EndReason
from services.storage.driver import Row
from services.storage.statements import Statements

AT_MOST: Final = 100_000
"""Users of a tenant."""
ROLES_AT_MOST: Final = 20

_COLUMNS: Final = """
    u.id, u.tenant, u.kind, u.name, u.display_name, u.email, u.managed_by, u.revision, u.created_at, u.updated_at,
    u.disabled_at IS NOT NULL AS disabled,
    ARRAY(SELECT r.role FROM user_role r WHERE r.user_id = u.id ORDER BY r.role) AS roles"""
_ONE: Final = f"SELECT {_COLUMNS} FROM app_user u WHERE u.id = $1"  # noqa: S608  our own columns
_PAGE: Final = f"""
    SELECT {_COLUMNS} FROM app_user u WHERE u.tenant = $1 AND u.id > $2 ORDER BY u.id LIMIT $3"""  # noqa: S608  our own columns
_COUNT: Final = "SELECT count(*) AS n FROM app_user WHERE tenant = $1"
_TENANT: Final = "SELECT id FROM tenant WHERE id = $1 AND disabled_at IS NULL FOR SHARE"
_ADD: Final = """
    INSERT INTO app_user (id, tenant, kind, name, skeleton, display_name, email, revision)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 1) ON CONFLICT DO NOTHING RETURNING id"""
_TAKEN: Final = "SELECT id FROM app_user WHERE skeleton = $1 AND id <> $2"
_CHANGE: Final = """
    UPDATE app_user SET name = $2, skeleton = $3, display_name = $4, email = $5, revision = revision + 1,
        updated_at = clock_timestamp()
    WHERE id = $1 AND ($6::int IS NULL OR revision = $6) RETURNING id"""
_SWITCH: Final = """
    UPDATE app_user SET disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, clock_timestamp()) END,
        revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = $1 AND ($3::int IS NULL OR revision = $3) RETURNING id"""
_TOUCH: Final = """
    UPDATE app_user SET revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = $1 AND ($2::int IS NULL OR revision = $2) RETURNING id"""
_DROP_ROLES: Final = "DELETE FROM user_role WHERE user_id = $1 AND NOT role = ANY ($2)"
_ADD_ROLES: Final = "INSERT INTO user_role (user_id, role) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING"


class UserKind(StrEnum):
    """Who a user is: a person, or a program that has keys and no password."""

    PERSON = "person"
    SERVICE = "service"


_Shown = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Email = Annotated[str, Field(min_length=3, max_length=254, pattern=r"^[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+$")]
Name = Annotated[str, Field(min_length=1, max_length=200, description="1 to 64 letters, digits and . _ - @ +")]


class UserFields(Value):
    """What can be said of a user."""

    name: Name
    display_name: _Shown | None = None
    email: _Email | None = None


class NewUser(UserFields):
    """A user to be made."""

    kind: UserKind = UserKind.PERSON


class UserView(Value):
    """A user, with their roles. `managed_by`: the OpenID provider that made them."""

    id: str
    tenant: str
    kind: UserKind
    name: str
    display_name: str | None
    email: str | None
    roles: tuple[str, ...]
    disabled: bool
    managed_by: str | None
    revision: int
    created_at: datetime
    updated_at: datetime


async def view(where: Statements, user_id: str) -> UserView:
    """Return a user. Raises NotFound."""
    rows = await where.fetch(_ONE, user_id)
    if not rows:
        raise NotFound("there is no such user")
    return _view(rows[0])


async def page(where: Statements, tenant: str, after: str | None, limit: int) -> tuple[list[UserView], str | None]:
    """Return users of a tenant by id, and after whom the next page begins; None: this was the last."""
    rows = await where.fetch(_PAGE, tenant, after or "", limit + 1)
    views = [_view(row) for row in rows[:limit]]
    return views, views[-1].id if len(rows) > limit else None


async def create(edit: Edit, tenant: str, user: NewUser) -> UserView:
    """Make a user, a `member` at first.

    Raises:
        InvalidInput: The name is none, the tenant is none, or has too many users.
        Conflict: The name is taken, or looks like one that is.
        Forbidden: The caller lacks what members have, or may not use what they may.
    """
    if not await edit.tx.fetch(_TENANT, tenant):
        raise unknown_tenant()
    (count,) = await edit.tx.fetch(_COUNT, tenant)
    if count["n"] >= AT_MOST:
        raise wrong("too_many", "", f"a tenant has at most {AT_MOST} users")
    must_have(edit.caller, ROLES["member"])
    await must_reach_roles(edit.tx, edit.caller, tenant, ["member"])
    user_id, name = new_id("usr"), normalised(user.name)
    row = (user_id, tenant, user.kind.value, name, skeleton(name), user.display_name, user.email)
    if not await edit.tx.fetch(_ADD, *row):
        raise _taken()
    await edit.tx.fetch(_ADD_ROLES, user_id, ["member"])
    await edit.note("create", "user", user_id, name=name, kind=user.kind.value, tenant=tenant)
    return await view(edit.tx, user_id)


async def replace(edit: Edit, user_id: str, fields: UserFields, expected: int | None) -> UserView:
    """Say something else of a user.

    Raises:
        NotFound: There is none of this id, or not in a tenant that the caller may change.
        Forbidden: The user may do more than the caller.
        Conflict: The name is taken, or looks like one that is; StaleRevision: another revision than expected.
    """
    await held(edit, user_id)
    name = normalised(fields.name)
    if await edit.tx.fetch(_TAKEN, skeleton(name), user_id):
        raise _taken()
    row = (user_id, name, skeleton(name), fields.display_name, fields.email, expected)
    await _changed(edit, user_id, await edit.tx.fetch(_CHANGE, *row))
    await edit.note("replace", "user", user_id, name=name)
    return await view(edit.tx, user_id)


async def switch(edit: Edit, user_id: str, *, disabled: bool, expected: int | None) -> UserView:
    """Take a user out of use, or into it again. Keys and sessions of one who is disabled are refused at once.

    Raises:
        NotFound, Forbidden, StaleRevision: As `replace`.
        Conflict: It is the last admin of the tenant.
    """
    user = await held(edit, user_id)
    await _changed(edit, user_id, await edit.tx.fetch(_SWITCH, user_id, disabled, expected))
    if disabled:
        if "admin" in user.roles:
            await must_keep_an_admin(edit.tx, user.tenant)
        await session_rows.end_all(edit.tx, user_id, EndReason.DISABLED)
    await edit.note("disable" if disabled else "enable", "user", user_id)
    return await view(edit.tx, user_id)


async def set_roles(edit: Edit, user_id: str, names: Iterable[str], expected: int | None) -> UserView:
    """Give a user these roles and no others.

    Raises:
        InvalidInput: A role is none of the tenant's.
        NotFound, Forbidden, StaleRevision: As `replace`; also Forbidden: a role gives what the caller has not, or one
            that the user had not may use what the caller may not.
        Conflict: It is the last admin of the tenant.
    """
    user = await held(edit, user_id)
    wanted = tuple(sorted(set(names)))
    given = await roles.permissions_by_name(edit.tx, user.tenant, wanted)
    must_have(edit.caller, effective(given.values(), operates=user.operates))
    await must_reach_roles(edit.tx, edit.caller, user.tenant, set(wanted) - set(user.roles))
    await _changed(edit, user_id, await edit.tx.fetch(_TOUCH, user_id, expected))
    await edit.tx.fetch(_DROP_ROLES, user_id, wanted)
    await edit.tx.fetch(_ADD_ROLES, user_id, wanted)
    if "admin" in user.roles and "admin" not in wanted and not user.disabled:
        await must_keep_an_admin(edit.tx, user.tenant)
    await edit.note("set_roles", "user", user_id, roles=wanted, before=user.roles)
    return await view(edit.tx, user_id)


async def held(edit: Edit, user_id: str) -> UserRecord:
    """Return a user whom the caller may change, their tenant locked.

    Raises:
        NotFound: There is none of this id, or not in a tenant that the caller may change.
        Forbidden: The user may do more than the caller.
    """
    seen = await view(edit.tx, user_id)
    must_see(edit.caller, seen.tenant, Permission.TENANTS_WRITE, "user")
    await edit.lock(seen.tenant)
    user = await user_record(edit.tx, user_id)
    if user is None:
        raise NotFound("there is no such user")
    must_outrank(edit.caller, user)
    return user


async def _changed(edit: Edit, user_id: str, rows: list[Row]) -> None:
    if not rows:
        now = await view(edit.tx, user_id)
        raise StaleRevision(f"the user has been changed since: it is at revision {now.revision}")


def _view(row: Row) -> UserView:
    fields: dict[str, Any] = dict(row)
    return UserView.model_validate(fields)


def _taken() -> Conflict:
    message = "the name is taken, or looks like one that is"
    return Conflict(message, (Problem(code="duplicate_name", path="/name", message=message),))
