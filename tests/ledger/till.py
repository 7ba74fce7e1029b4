"""The ledger's SQL functions, typed, and what stands in its tables."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.ledger import Payer
from services.storage.database import Database
from services.storage.driver import Row

HOUR_S = 3600.0

_BROKEN = """
    SELECT e.transaction_id FROM ledger_entry e WHERE e.transaction_id IN (
        SELECT t.id FROM ledger_transaction t WHERE t.wallet_id = $1)
    GROUP BY e.transaction_id, e.currency HAVING sum(e.micros) <> 0"""
_SUMS = """
    SELECT a.kind, coalesce(sum(e.micros), 0)::bigint AS micros FROM ledger_transaction t
    JOIN ledger_entry e ON e.transaction_id = t.id JOIN ledger_account a ON a.id = e.account_id
    WHERE t.wallet_id = $1 GROUP BY a.kind"""
_ROW = """
    INSERT INTO request (id, owner, tenant, key_id, wallet_id, hold_id, kind)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"""
_BUDGET = """
    INSERT INTO budget (id, tenant, subject, period, limit_micros, soft_percents, hard, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'test')"""


def fresh(kind: str) -> str:
    """Return an id that no other test has."""
    return f"{kind}_{secrets.token_hex(8)}"


@dataclass(frozen=True)
class Post:
    """A posting: of which call, and how much."""

    request_id: str
    micros: int
    n: int = 1


@dataclass(frozen=True)
class NewBudget:
    """A budget to make."""

    subject: str
    limit: int
    period: str = "total"
    hard: bool = True
    soft_percents: tuple[int, ...] = ()
    id: str = field(default_factory=lambda: fresh("bud"))


class Till:
    """Every call is a transaction of its own."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def one(self, query: str, *parameters: object) -> Any:
        (row,) = await self.db.fetch(query, *parameters)
        (value,) = row.values()
        return value

    async def open(self, floor: int | None = 0, currency: str = "USD", tenant: str = "ten") -> str:
        wallet = fresh("wal")
        given = (wallet, tenant, currency, floor)
        await self.one("SELECT longhaul_money_open($1, $2, 'a wallet', $3, $4)", *given)
        return wallet

    async def prepaid(self, micros: int, floor: int = 0, tenant: str = "ten") -> str:
        wallet = await self.open(floor, tenant=tenant)
        await self.top_up(wallet, micros)
        return wallet

    async def payer(self, micros: int) -> Payer:
        """Return somebody with a wallet of their own that has so much in it."""
        return Payer(await self.prepaid(micros), fresh("ten"), fresh("usr"), fresh("key"))

    async def top_up(self, wallet: str, micros: int, key: str | None = None) -> int:
        given = (wallet, micros, key or fresh("k"), "paid", "usr_admin")
        return int(await self.one("SELECT longhaul_money_top_up($1, $2, $3, $4, $5)", *given))

    async def adjust(self, wallet: str, micros: int, key: str | None = None) -> int:
        given = (wallet, micros, key or fresh("k"), "put right", "usr_admin")
        return int(await self.one("SELECT longhaul_money_adjust($1, $2, $3, $4, $5)", *given))

    async def refund(self, posting: int, micros: int | None, key: str | None = None) -> int:
        given = (posting, micros, key or fresh("k"), "an apology", "usr_admin")
        return int(await self.one("SELECT longhaul_money_refund($1, $2, $3, $4, $5)", *given))

    async def row(self, request_id: str, payer: Payer, root: str | None = None) -> None:
        """Make the row of a call, or of a request that belongs to another, as the fold of `request.accepted` does."""
        kind = "call" if root is None else "request"
        given = (request_id, payer.user, payer.tenant, payer.key_id, payer.wallet, root or request_id, kind)
        await self.db.fetch(_ROW, *given)

    async def hold(
        self, request_id: str, payer: Payer, micros: int, *, least: int | None = None, expires_s: float = HOUR_S
    ) -> int | None:
        given = (request_id, payer.wallet, micros, list(payer.subjects), expires_s, least)
        held: int | None = await self.one("SELECT longhaul_money_hold($1, $2, $3, $4, $5, $6)", *given)
        return held

    async def held(self, payer: Payer, micros: int) -> str:
        """Make a request and hold so much for it."""
        request_id = fresh("req")
        await self.row(request_id, payer)
        await self.hold(request_id, payer, micros)
        return request_id

    async def post(self, post: Post) -> bool:
        given = (post.request_id, post.n, post.micros)
        return bool(await self.one("SELECT longhaul_money_post($1, 'call', 1, $2, $3)", *given))

    async def release(self, request_id: str) -> int | None:
        left: int | None = await self.one("SELECT longhaul_money_release($1)", request_id)
        return left

    async def extend(self, request_id: str, to: int) -> int | None:
        held: int | None = await self.one("SELECT longhaul_money_extend($1, $2)", request_id, to)
        return held

    async def expire(self, request_id: str) -> int | None:
        left: int | None = await self.one("SELECT longhaul_money_expire($1)", request_id)
        return left

    async def budget(self, new: NewBudget) -> str:
        percents = str(list(new.soft_percents))
        await self.db.fetch(_BUDGET, new.id, "ten", new.subject, new.period, new.limit, percents, new.hard)
        return new.id

    async def balance(self, wallet: str) -> tuple[int, int]:
        """Return what is available and what is held, by the balance's row."""
        query = "SELECT available_micros, held_micros FROM wallet_balance WHERE wallet_id = $1"
        (row,) = await self.db.fetch(query, wallet)
        return row["available_micros"], row["held_micros"]

    async def sums(self, wallet: str) -> Mapping[str, int]:
        """Return the sums of the entries of a wallet's transactions, by the account's kind."""
        return {row["kind"]: row["micros"] for row in await self.db.fetch(_SUMS, wallet)}

    async def broken(self, wallet: str) -> Sequence[Row]:
        """Return a wallet's transactions that do not sum to zero."""
        return await self.db.fetch(_BROKEN, wallet)

    async def posting(self, post: Post) -> int:
        """Return a posting's transaction."""
        key = f"{post.request_id}/call/1/{post.n}"
        return int(await self.one("SELECT id FROM ledger_transaction WHERE kind = 'post' AND key = $1", key))

    async def hold_row(self, request_id: str) -> Row:
        (row,) = await self.db.fetch("SELECT * FROM ledger_hold WHERE id = $1", request_id)
        return row

    async def use(self, budget: str) -> tuple[int, int]:
        """Return what of a budget is spent and held, in all its periods."""
        query = "SELECT spent_micros, held_micros FROM budget_use WHERE budget_id = $1"
        rows = await self.db.fetch(query, budget)
        return sum(row["spent_micros"] for row in rows), sum(row["held_micros"] for row in rows)
