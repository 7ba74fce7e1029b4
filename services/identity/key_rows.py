"""Keys as rows, and as people see them: without secrets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from domain.errors import NotFound
from domain.grants import GrantKind
from domain.permissions import Permission
from domain.value import Value
from services.identity.key_bounds import Scope
from services.identity.records import permissions_of
from services.storage import json_text
from services.storage.driver import Row
from services.storage.statements import Statements

_COLUMNS: Final = """
    k.id, k.tenant, k.user_id, k.name, k.permissions, k.grants, k.networks, k.wallet, k.generation, k.expires_at,
    k.disabled_at IS NOT NULL AS disabled, k.revoked_at, k.last_used_at, k.created_by, k.revision, k.created_at,
    k.updated_at,
    (SELECT jsonb_agg(jsonb_build_object(
        'generation', s.generation, 'created_at', s.created_at, 'expires_at', s.expires_at) ORDER BY s.generation)
        FROM api_key_secret s
        WHERE s.key_id = k.id AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())) AS secrets"""
_ONE: Final = f"SELECT {_COLUMNS} FROM api_key k WHERE k.id = $1"  # noqa: S608  our own columns
_BY_USER: Final = f"""
    SELECT {_COLUMNS} FROM api_key k WHERE k.user_id = $1 AND k.id > $2 AND k.revoked_at IS NULL
    ORDER BY k.id LIMIT $3"""  # noqa: S608  our own columns
_BY_TENANT: Final = f"""
    SELECT {_COLUMNS} FROM api_key k WHERE k.tenant = $1 AND k.id > $2 AND k.revoked_at IS NULL
    ORDER BY k.id LIMIT $3"""  # noqa: S608  our own columns
_ADD: Final = """
    INSERT INTO api_key
        (id, tenant, user_id, created_by, name, permissions, grants, networks, wallet, expires_at, generation, revision)
    VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, 1, 1)"""
_CHANGE: Final = """
    UPDATE api_key SET name = $2, permissions = $3, grants = $4::jsonb, networks = $5, wallet = $6, expires_at = $7,
        revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = $1"""


class KeySecretView(Value):
    """A secret that is good. `expires_at`: the end of its grace, for there is a newer one."""

    generation: int
    created_at: datetime
    expires_at: datetime | None


class KeyView(Value):
    """A key without its secret. `generation`: its newest secret's number, which a rotation names."""

    id: str
    tenant: str
    user_id: str
    name: str
    permissions: tuple[Permission, ...] | None
    grants: dict[GrantKind, tuple[str, ...]]
    networks: tuple[str, ...]
    wallet: str | None
    generation: int
    secrets: tuple[KeySecretView, ...]
    expires_at: datetime | None
    disabled: bool
    revoked_at: datetime | None
    last_used_at: datetime | None
    created_by: str
    revision: int
    created_at: datetime
    updated_at: datetime


async def view(where: Statements, key_id: str) -> KeyView:
    """Return a key. Raises NotFound."""
    rows = await where.fetch(_ONE, key_id)
    if not rows:
        raise NotFound("there is no such key")
    return _view(rows[0])


async def page_of_user(
    where: Statements, user_id: str, after: str | None, limit: int
) -> tuple[list[KeyView], str | None]:
    """Return a user's keys that are not revoked, by id, and after which the next page begins."""
    return _page(await where.fetch(_BY_USER, user_id, after or "", limit + 1), limit)


async def page_of_tenant(
    where: Statements, tenant: str, after: str | None, limit: int
) -> tuple[list[KeyView], str | None]:
    """Return a tenant's keys that are not revoked, by id, and after which the next page begins."""
    return _page(await where.fetch(_BY_TENANT, tenant, after or "", limit + 1), limit)


async def add(where: Statements, key_id: str, whose: tuple[str, str, str], name: str, scope: Scope) -> None:
    """Keep a new key. `whose`: the tenant, the user, and who made it."""
    await where.fetch(_ADD, key_id, *whose, name, *_values(scope))


async def change(where: Statements, key_id: str, name: str, scope: Scope) -> None:
    """Have a key be something else."""
    await where.fetch(_CHANGE, key_id, name, *_values(scope))


def _values(scope: Scope) -> tuple[object, ...]:
    permissions = None if scope.permissions is None else sorted(each.value for each in scope.permissions)
    grants = {kind.value: list(patterns) for kind, patterns in scope.layer.items()}
    return permissions, json_text.encode(grants), list(scope.networks), scope.wallet, scope.expires_at


def _page(rows: Sequence[Row], limit: int) -> tuple[list[KeyView], str | None]:
    views = [_view(row) for row in rows[:limit]]
    return views, views[-1].id if len(rows) > limit else None


def _view(row: Row) -> KeyView:
    fields: dict[str, Any] = dict(row)
    if fields["permissions"] is not None:
        fields["permissions"] = sorted(permissions_of(fields["permissions"]))
    return KeyView.model_validate({**fields, "secrets": fields["secrets"] or ()})
