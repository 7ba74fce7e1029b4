"""Tenants: made, listed, changed, taken out of use. None is deleted: what was done in it names it."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from domain.errors import Conflict, NotFound, Problem
from domain.grants import GrantKind
from domain.revisions import StaleRevision
from domain.user_names import normalised, skeleton
from domain.value import Value
from services.identity.edit import Edit, new_id, wrong
from services.identity.users import Name
from services.storage.driver import Row
from services.storage.statements import Statements

AT_MOST: Final = 10_000

WalletId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]

_COLUMNS: Final = """
    id, name, operates, wallet, disabled_at IS NOT NULL AS disabled, revision, created_at, updated_at"""
_ONE: Final = f"SELECT {_COLUMNS} FROM tenant WHERE id = $1"  # noqa: S608  our own columns
_PAGE: Final = f"SELECT {_COLUMNS} FROM tenant WHERE id > $1 ORDER BY id LIMIT $2"  # noqa: S608  our own columns
_COUNT: Final = "SELECT count(*) AS n FROM tenant"
_ADD: Final = """
    INSERT INTO tenant (id, name, skeleton, wallet, revision) VALUES ($1, $2, $3, $1, 1)
    ON CONFLICT DO NOTHING RETURNING id"""
_OPEN_TO_ALL: Final = """
    INSERT INTO access_grant (id, tenant, subject_kind, subject, kind, pattern)
    SELECT unnest($2::text[]), $1, 'role', unnest($3::text[]), unnest($4::text[]), '*'"""
_TAKEN: Final = "SELECT id FROM tenant WHERE skeleton = $1 AND id <> $2"
_WALLET: Final = "SELECT id FROM wallet WHERE id = $1 AND closed_at IS NULL"
_CHANGE: Final = """
    UPDATE tenant SET name = $2, skeleton = $3, wallet = $4, revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = $1 AND ($5::int IS NULL OR revision = $5) RETURNING id"""
_SWITCH: Final = """
    UPDATE tenant SET disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, clock_timestamp()) END,
        revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = $1 AND ($3::int IS NULL OR revision = $3) RETURNING id"""


class NewTenant(Value):
    """A tenant to be made."""

    name: Name


class TenantFields(NewTenant):
    """What can be said of a tenant. `wallet`: what its calls are charged to."""

    wallet: WalletId


class TenantView(Value):
    """A tenant. `operates`: its users may be given what touches the whole installation."""

    id: str
    name: str
    operates: bool
    wallet: str | None
    disabled: bool
    revision: int
    created_at: datetime
    updated_at: datetime


async def view(where: Statements, tenant_id: str) -> TenantView:
    """Return a tenant. Raises NotFound."""
    rows = await where.fetch(_ONE, tenant_id)
    if not rows:
        raise NotFound("there is no such tenant")
    return _view(rows[0])


async def page(where: Statements, after: str | None, limit: int) -> tuple[list[TenantView], str | None]:
    """Return tenants by id, and after which the next page begins; None: this was the last."""
    rows = await where.fetch(_PAGE, after or "", limit + 1)
    views = [_view(row) for row in rows[:limit]]
    return views, views[-1].id if len(rows) > limit else None


async def create(edit: Edit, tenant: NewTenant) -> TenantView:
    """Make a tenant. Its members may use everything until its admins say otherwise; its wallet is to have its id.

    Raises:
        InvalidInput: The name is none, or there are too many tenants.
        Conflict: The name is taken, or looks like one that is.
    """
    (count,) = await edit.tx.fetch(_COUNT)
    if count["n"] >= AT_MOST:
        raise wrong("too_many", "", f"an installation has at most {AT_MOST} tenants")
    tenant_id, name = new_id("ten"), normalised(tenant.name)
    if not await edit.tx.fetch(_ADD, tenant_id, name, skeleton(name)):
        raise _taken()
    given = [(new_id("grt"), role, kind.value) for role in ("admin", "operator", "member") for kind in GrantKind]
    await edit.tx.fetch(_OPEN_TO_ALL, tenant_id, *(list(column) for column in zip(*given, strict=True)))
    await edit.note("create", "tenant", tenant_id, name=name)
    return await view(edit.tx, tenant_id)


async def replace(edit: Edit, tenant_id: str, fields: TenantFields, expected: int | None) -> TenantView:
    """Call a tenant something else, or charge another wallet.

    Raises:
        NotFound: There is none of this id.
        InvalidInput: There is no such wallet, or it is closed.
        Conflict: The name is taken, or looks like one that is; StaleRevision: another revision than expected.
    """
    await edit.lock(tenant_id)
    now = await view(edit.tx, tenant_id)
    name = normalised(fields.name)
    if await edit.tx.fetch(_TAKEN, skeleton(name), tenant_id):
        raise _taken()
    if fields.wallet != now.wallet and not await edit.tx.fetch(_WALLET, fields.wallet):
        raise wrong("unknown_wallet", "/wallet", "there is no such wallet, or it is closed")
    if not await edit.tx.fetch(_CHANGE, tenant_id, name, skeleton(name), fields.wallet, expected):
        raise _stale(now)
    await edit.note("replace", "tenant", tenant_id, name=name, wallet=fields.wallet, wallet_before=now.wallet)
    return await view(edit.tx, tenant_id)


async def switch(edit: Edit, tenant_id: str, *, disabled: bool, expected: int | None) -> TenantView:
    """Take a tenant out of use, or into it again. Keys and sessions of one that is disabled are refused at once.

    Raises:
        NotFound: There is none of this id.
        Conflict: It operates the installation; StaleRevision: another revision than expected.
    """
    await edit.lock(tenant_id)
    now = await view(edit.tx, tenant_id)
    if disabled and now.operates:
        raise Conflict("the tenant that operates the installation cannot be disabled")
    if not await edit.tx.fetch(_SWITCH, tenant_id, disabled, expected):
        raise _stale(now)
    await edit.note("disable" if disabled else "enable", "tenant", tenant_id)
    return await view(edit.tx, tenant_id)


def _view(row: Row) -> TenantView:
    return TenantView.model_validate(dict(row))


def _stale(now: TenantView) -> StaleRevision:
    return StaleRevision(f"the tenant has been changed since: it is at revision {now.revision}")


def _taken() -> Conflict:
    message = "the name is taken, or looks like one that is"
    return Conflict(message, (Problem(code="duplicate_name", path="/name", message=message),))
