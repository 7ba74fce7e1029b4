"""Wallets: made for a tenant, renamed, closed, and read by those to whom they are granted.

A wallet without a floor is a credit line without end: it has no balance row, its balance is the sum of its entries.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain import ids
from domain.caller import Caller
from domain.errors import NotFound
from domain.grants import GrantKind
from domain.permissions import Permission
from domain.value import Value
from services.storage import audit
from services.storage.audit import Act, By
from services.storage.database import Database, Tx
from services.storage.driver import Row
from services.storage.statements import Statements

_SELECT: Final = """
    SELECT w.id, w.tenant, w.name, w.currency, w.floor_micros, w.created_at, w.closed_at,
        coalesce(b.available_micros, f.available, 0) AS available_micros,
        coalesce(b.held_micros, f.held, 0) AS held_micros, t.wallet IS NOT DISTINCT FROM w.id AS is_default
    FROM wallet w LEFT JOIN wallet_balance b ON b.wallet_id = w.id LEFT JOIN tenant t ON t.id = w.tenant
    LEFT JOIN LATERAL (
        SELECT sum(e.micros) FILTER (WHERE a.kind = 'available')::bigint AS available,
            sum(e.micros) FILTER (WHERE a.kind = 'held')::bigint AS held
        FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id
        WHERE a.wallet_id = w.id AND w.floor_micros IS NULL) AS f ON true"""
_READ: Final = f"{_SELECT} WHERE w.id = $1"
_PAGE: Final = f"{_SELECT} WHERE w.tenant = $1 AND w.id > $2 ORDER BY w.id LIMIT $3"
_OPEN: Final = "SELECT longhaul_money_open($1, $2, $3, $4, $5)"
_FLOOR: Final = "SELECT longhaul_money_floor($1, $2)"
_CHANGE: Final = """
    UPDATE wallet SET name = coalesce($2, name),
        closed_at = CASE $3::boolean WHEN true THEN coalesce(closed_at, clock_timestamp()) WHEN false THEN NULL
            ELSE closed_at END
    WHERE id = $1"""
_DEFAULT: Final = """
    UPDATE tenant SET wallet = $2, revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = $1 AND wallet IS DISTINCT FROM $2 RETURNING 1"""
_TENANT: Final = """
    SELECT t.wallet, t.wallet IS NOT NULL AND NOT EXISTS (SELECT FROM wallet w WHERE w.id = t.wallet) AS awaited
    FROM tenant t WHERE t.id = $1"""
_TURN: Final = "SELECT FROM tenant WHERE id = $1 FOR UPDATE"
_LOCK: Final = "SELECT FROM wallet WHERE id = $1 FOR UPDATE"
_BATCH: Final = 200
"""Wallets that are read at a time to find those that are granted."""


class WalletView(Value):
    """A wallet as it stands.

    Attributes:
        floor_micros: How far what is available may sink; null: a credit line without end.
        available_micros: What may be spent, down to the floor; negative where credit is used.
        held_micros: What is set aside for work under way.
        is_default: Whether its tenant's calls are charged to it when their key names no other.
        closed_at: Since when it takes no new money and no new work.
    """

    id: str
    tenant: str
    name: str
    currency: str
    floor_micros: int | None
    available_micros: int
    held_micros: int
    is_default: bool
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class NewWallet:
    """A wallet to make. `floor_micros`: 0 prepaid, less a credit line with an end, None one without."""

    tenant: str
    name: str
    currency: str
    floor_micros: int | None = 0
    is_default: bool = False


@dataclass(frozen=True)
class WalletChange:
    """What to change of a wallet; None: leave it. A wallet that is the default stays so until another is."""

    name: str | None = None
    disabled: bool | None = None
    floor_micros: int | None = None
    is_default: bool | None = None

    def told(self) -> dict[str, Any]:
        """Return what is changed, for the audit."""
        return {name: value for name, value in vars(self).items() if value is not None}


async def page(db: Database, caller: Caller, tenant: str, after: str, limit: int) -> Sequence[WalletView]:
    """Return the wallets of a tenant that the caller may see, the oldest first, from behind the id `after` on."""
    found: list[WalletView] = []
    if not _sees_tenant(caller, tenant):
        return found
    while len(found) < limit:
        rows = await db.fetch(_PAGE, tenant, after, _BATCH)
        found += [view for view in map(_view, rows) if may_see(caller, view)]
        if len(rows) < _BATCH:
            break
        after = rows[-1]["id"]
    return found[:limit]


async def read(where: Statements, caller: Caller, wallet_id: str) -> WalletView:
    """Return a wallet.

    Raises:
        NotFound: There is none, or it is not the caller's to see.
    """
    rows = await where.fetch(_READ, wallet_id)
    view = _view(rows[0]) if rows else None
    if view is None or not may_see(caller, view):
        raise NotFound("no such wallet")
    return view


def may_see(caller: Caller, wallet: WalletView) -> bool:
    """Whether a caller may know of a wallet: of their tenant, and granted to them; or of any, for who sees all."""
    return _sees_tenant(caller, wallet.tenant) and caller.grants.allow(GrantKind.WALLET, wallet.id)


async def create(tx: Tx, by: By, new: NewWallet) -> WalletView:
    """Make a wallet. A tenant's first one has the id that the tenant is made with as its default.

    Raises:
        NotFound: There is no such tenant.
        InvalidInput: The currency or the floor is none.
    """
    await tx.fetch(_TURN, new.tenant)
    tenant = await tx.fetch(_TENANT, new.tenant)
    if not tenant:
        raise NotFound("there is no such tenant")
    wallet_id = tenant[0]["wallet"] if tenant[0]["awaited"] else _new_id()
    await tx.fetch(_OPEN, wallet_id, new.tenant, new.name, new.currency, new.floor_micros)
    if new.is_default:
        await tx.fetch(_DEFAULT, new.tenant, wallet_id)
    details = {"of_tenant": new.tenant, "currency": new.currency, "floor_micros": new.floor_micros}
    await audit.record(tx, by, Act("wallet.create", "wallet", wallet_id, {**details, "is_default": new.is_default}))
    return _view((await tx.fetch(_READ, wallet_id))[0])


async def change(tx: Tx, by: By, wallet: WalletView, wanted: WalletChange) -> None:
    """Change a wallet.

    Raises:
        InsufficientFunds: A floor is wanted above what is available.
        InvalidInput: The floor is none, or the wallet is a credit line without end.
    """
    await tx.fetch(_LOCK, wallet.id)  # before its balance, so that no two changes wait for each other in a circle
    if wanted.disabled is False:
        await tx.fetch(_CHANGE, wallet.id, None, False)  # noqa: FBT003  first, for a closed one has no floor to move
    if wanted.floor_micros is not None:
        await tx.fetch(_FLOOR, wallet.id, wanted.floor_micros)
    await tx.fetch(_CHANGE, wallet.id, wanted.name, wanted.disabled)
    if wanted.is_default:
        await tx.fetch(_DEFAULT, wallet.tenant, wallet.id)
    await audit.record(tx, by, Act("wallet.change", "wallet", wallet.id, wanted.told()))


def _new_id() -> str:
    return f"wal_{ids.uuid7_hex(time.time_ns() // 1_000_000, secrets.randbits(80))}"


def _sees_tenant(caller: Caller, tenant: str) -> bool:
    return caller.tenant == tenant or caller.may(Permission.TENANTS_READ)


def _view(row: Row) -> WalletView:
    return WalletView(**dict(row))
