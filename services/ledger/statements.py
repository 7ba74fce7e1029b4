"""Statements: a wallet's transactions, newest first, each with what it moved and how the wallet stood after it.

How it stood is the sum of all entries up to that transaction, in the order of their ids, and no stored balance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain import ids
from domain.budget import Price, Usage
from domain.errors import NotFound
from domain.value import Value
from services.storage.driver import Row
from services.storage.statements import Statements

NEWEST: Final = 2**63 - 1

_PAGE: Final = """
    WITH picked AS (
        SELECT t.id FROM ledger_transaction t
        WHERE t.wallet_id = $1 AND t.id < $2 AND ($3::timestamptz IS NULL OR t.at >= $3)
            AND ($4::timestamptz IS NULL OR t.at < $4)
        ORDER BY t.id DESC LIMIT $5
    ), span AS (
        SELECT min(id) AS low, max(id) AS high FROM picked
    ), mine AS (
        SELECT a.id, a.kind FROM ledger_account a WHERE a.wallet_id = $1
    ), before AS (
        SELECT coalesce(sum(e.micros) FILTER (WHERE m.kind = 'available'), 0) AS available,
            coalesce(sum(e.micros) FILTER (WHERE m.kind = 'held'), 0) AS held
        FROM span CROSS JOIN mine m JOIN ledger_entry e ON e.account_id = m.id AND e.transaction_id < span.low
    ), moved AS (
        SELECT t.id, coalesce(sum(e.micros) FILTER (WHERE a.kind = 'available'), 0) AS available,
            coalesce(sum(e.micros) FILTER (WHERE a.kind = 'held'), 0) AS held,
            -coalesce(sum(e.micros) FILTER (WHERE a.kind = 'loss'), 0) AS lost
        FROM span JOIN ledger_transaction t ON t.wallet_id = $1 AND t.id BETWEEN span.low AND span.high
        JOIN ledger_entry e ON e.transaction_id = t.id JOIN ledger_account a ON a.id = e.account_id
        GROUP BY t.id
    ), stood AS (
        SELECT m.*, b.available + sum(m.available) OVER (ORDER BY m.id) AS available_after,
            b.held + sum(m.held) OVER (ORDER BY m.id) AS held_after
        FROM moved m CROSS JOIN before b
    )
    SELECT t.id, t.at, t.kind, t.micros, t.reason, t.actor, t.refund_of,
        CASE WHEN o.shown THEN t.hold_id END AS hold_id, t.kind = 'post' AND o.shown AS has_call,
        t.request_id, t.slot, t.round, t.n, t.usage, t.price, c.model, c.deployment, c.state, r.owner, r.key_id,
        s.available::bigint AS available_change, s.held::bigint AS held_change, s.lost::bigint AS lost_micros,
        s.available_after::bigint, s.held_after::bigint
    FROM picked JOIN ledger_transaction t ON t.id = picked.id JOIN stood s ON s.id = t.id
    LEFT JOIN model_call c ON (c.request_id, c.slot, c.round, c.n) = (t.request_id, t.slot, t.round, t.n)
    LEFT JOIN request r ON r.id = coalesce(t.request_id, t.hold_id)
    CROSS JOIN LATERAL (SELECT $6::text IS NULL OR coalesce(r.owner = $6, false) AS shown) AS o
    ORDER BY t.id DESC"""


@dataclass(frozen=True)
class Extent:
    """Which part of a statement: behind (older than) the transaction `before`, made from `since` until just `until`.

    `owner`: of other people's work than theirs only the amounts are told; None: of everybody's all is.
    """

    before: int = NEWEST
    since: datetime | None = None
    until: datetime | None = None
    owner: str | None = None


class ChargedCall(Value):
    """The call of a model that a posting charges, as the journal has it.

    `model`, `deployment`, `state` and `owner` are null when the call itself was removed for its age; `id` and the
    posting stay.
    """

    id: str
    request_id: str
    slot: str
    round: int
    n: int
    model: str | None
    deployment: str | None
    state: str | None
    owner: str | None
    key_id: str | None
    usage: Usage
    price: Price


class StatementEntry(Value):
    """A transaction of a wallet.

    Attributes:
        kind: hold, extend, post, release, top_up, adjust, refund.
        micros: Its amount; of a posting, what the call has cost.
        available_change, held_change: What it moved in the wallet's two accounts.
        available_after, held_after: How these stood after it.
        lost_micros: What of a posting nobody paid.
        call: What a posting is for. It and `hold_id` are null for work of others that the reader may not see.
        refund_of: The posting that was given back.
    """

    id: int
    at: datetime
    kind: str
    micros: int
    available_change: int
    held_change: int
    available_after: int
    held_after: int
    lost_micros: int = 0
    reason: str | None = None
    actor: str | None = None
    hold_id: str | None = None
    refund_of: int | None = None
    call: ChargedCall | None = None


async def page(where: Statements, wallet_id: str, extent: Extent, limit: int) -> Sequence[StatementEntry]:
    """Return a part of a wallet's statement, newest first."""
    span = (extent.before, extent.since, extent.until)
    rows = await where.fetch(_PAGE, wallet_id, *span, limit, extent.owner)
    return [_entry(row) for row in rows]


async def read(where: Statements, wallet_id: str, transaction_id: int) -> StatementEntry:
    """Return one transaction of a wallet.

    Raises:
        NotFound: There is none.
    """
    found = await page(where, wallet_id, Extent(before=transaction_id + 1), 1)
    if not found or found[0].id != transaction_id:
        raise NotFound("no such transaction")
    return found[0]


_OWN: Final = frozenset(StatementEntry.model_fields) - {"call"}


def _entry(row: Row) -> StatementEntry:
    return StatementEntry(**{name: row[name] for name in _OWN}, call=_call(row) if row["has_call"] else None)


def _call(row: Row) -> ChargedCall:
    return ChargedCall(
        id=ids.call_id(row["request_id"], row["slot"], row["round"], row["n"]),
        request_id=row["request_id"],
        slot=row["slot"],
        round=row["round"],
        n=row["n"],
        model=row["model"],
        deployment=row["deployment"],
        state=row["state"],
        owner=row["owner"],
        key_id=row["key_id"],
        usage=Usage.model_validate(row["usage"] or {}),
        price=Price.model_validate(row["price"] or {}),
    )
