"""Grants: which models, tools, knowledge bases and wallets a tenant's roles and users may use, by patterns."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.caller_errors import Forbidden
from domain.errors import Conflict, NotFound, Problem
from domain.grant_scopes import PATTERNS_AT_MOST, Pattern, reaches_within
from domain.grants import GrantKind
from domain.permissions import Permission
from domain.value import Value
from services.identity import roles
from services.identity.edit import Edit, new_id, unknown_tenant, wrong
from services.identity.guards import must_see
from services.identity.records import user_record
from services.storage.driver import Row
from services.storage.statements import Statements

AT_MOST: Final = 10_000
"""Grants of a tenant."""

_COLUMNS: Final = "id, tenant, subject_kind, subject, kind, pattern, created_at"
_PAGE: Final = f"""
    SELECT {_COLUMNS} FROM access_grant
    WHERE tenant = $1 AND id > $2 AND ($4::text IS NULL OR subject_kind = $4) AND ($5::text IS NULL OR subject = $5)
        AND ($6::text IS NULL OR kind = $6)
    ORDER BY id LIMIT $3"""  # noqa: S608  our own columns
_COUNT: Final = """
    SELECT count(*) AS n, count(*) FILTER (WHERE subject_kind = $2 AND subject = $3 AND kind = $4) AS same
    FROM access_grant WHERE tenant = $1"""
_ADD: Final = f"""
    INSERT INTO access_grant (id, tenant, subject_kind, subject, kind, pattern) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING RETURNING {_COLUMNS}"""  # noqa: S608  our own columns
_ONE: Final = f"SELECT {_COLUMNS} FROM access_grant WHERE id = $1"  # noqa: S608  our own columns
_DELETE: Final = "DELETE FROM access_grant WHERE id = $1 RETURNING id"


class SubjectKind(StrEnum):
    """To whom something is granted. What a key narrows is said of the key."""

    ROLE = "role"
    USER = "user"


class NewGrant(Value):
    """A grant to be made. `subject`: a role's name or a user's id."""

    subject_kind: SubjectKind
    subject: Pattern
    kind: GrantKind
    pattern: Pattern


class GrantView(Value):
    """A grant."""

    id: str
    tenant: str
    subject_kind: SubjectKind
    subject: str
    kind: GrantKind
    pattern: str
    created_at: datetime


class GrantFilter(Value):
    """What a list of grants is narrowed to."""

    subject_kind: SubjectKind | None = None
    subject: str | None = None
    kind: GrantKind | None = None


async def page(
    where: Statements, tenant: str, narrowed: GrantFilter, after: str | None, limit: int
) -> tuple[list[GrantView], str | None]:
    """Return grants of a tenant by id, and after which the next page begins; None: this was the last."""
    narrow = (narrowed.subject_kind, narrowed.subject, narrowed.kind)
    rows = await where.fetch(_PAGE, tenant, after or "", limit + 1, *narrow)
    views = [_view(row) for row in rows[:limit]]
    return views, views[-1].id if len(rows) > limit else None


async def create(edit: Edit, tenant: str, grant: NewGrant) -> GrantView:
    """Grant something.

    Raises:
        InvalidInput: There is no such role or user in the tenant, or there are too many grants.
        Conflict: It is granted already.
        Forbidden: It reaches beyond what the caller may use.
    """
    if not await edit.lock(tenant):
        raise unknown_tenant()
    await _check_subject(edit, tenant, grant)
    _must_reach(edit, grant.kind, grant.pattern)
    subject = (grant.subject_kind.value, grant.subject, grant.kind.value)
    (count,) = await edit.tx.fetch(_COUNT, tenant, *subject)
    if count["n"] >= AT_MOST or count["same"] >= PATTERNS_AT_MOST:
        raise wrong(
            "too_many", "", f"at most {PATTERNS_AT_MOST} patterns of a kind are granted to one, {AT_MOST} in all"
        )
    rows = await edit.tx.fetch(_ADD, new_id("grt"), tenant, *subject, grant.pattern)
    if not rows:
        message = "this is granted already"
        raise Conflict(message, (Problem(code="duplicate", path="/pattern", message=message),))
    made = _view(rows[0])
    await edit.note("create", "grant", made.id, tenant=tenant, **grant.model_dump(mode="json"))
    return made


async def delete(edit: Edit, grant_id: str) -> None:
    """Take a grant back. What is under way finds out at its next step.

    Raises:
        NotFound: There is none of this id, or not in a tenant that the caller may change.
        Forbidden: It reaches beyond what the caller may use.
    """
    rows = await edit.tx.fetch(_ONE, grant_id)
    if not rows:
        raise NotFound("there is no such grant")
    found = _view(rows[0])
    must_see(edit.caller, found.tenant, Permission.TENANTS_WRITE, "grant")
    _must_reach(edit, found.kind, found.pattern)
    if not await edit.tx.fetch(_DELETE, grant_id):
        raise NotFound("there is no such grant")
    details = found.model_dump(mode="json", exclude={"id", "created_at"})
    await edit.note("delete", "grant", grant_id, **details)


async def _check_subject(edit: Edit, tenant: str, grant: NewGrant) -> None:
    if grant.subject_kind is SubjectKind.ROLE:
        try:
            await roles.view(edit.tx, tenant, grant.subject)
        except NotFound:
            raise wrong("unknown_role", "/subject", "there is no such role") from None
        return
    user = await user_record(edit.tx, grant.subject)
    if user is None or user.tenant != tenant:
        raise wrong("unknown_user", "/subject", "there is no such user")


def _must_reach(edit: Edit, kind: GrantKind, pattern: str) -> None:
    if not reaches_within(edit.caller.grants, kind, pattern):
        raise Forbidden("this grant reaches beyond what you may use")


def _view(row: Row) -> GrantView:
    return GrantView.model_validate(dict(row))
