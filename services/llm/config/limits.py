"""The limits of accounts as rows, where leases are counted against them: configured ones and learnt ones."""

from collections.abc import Sequence

from domain.model_pool import Limit
from services.storage.database import Tx
from services.storage.driver import Row
from services.storage.statements import Statements

_CLEAR = "DELETE FROM pool_limit WHERE account_id = $1 AND NOT learnt"
_CONFIGURE = """
    INSERT INTO pool_limit (account_id, kind, window_s, learnt, amount)
    SELECT $1, l.kind, l.window_s, false, l.amount
    FROM unnest($2::text[], $3::float8[], $4::bigint[]) AS l (kind, window_s, amount)"""
_FORGET = "DELETE FROM pool_limit WHERE account_id = $1"
_FORGET_LEARNT = "DELETE FROM pool_limit WHERE account_id = $1 AND learnt"
_LEARNT = """
    SELECT account_id, kind, window_s, amount, remaining, resets_at FROM pool_limit
    WHERE account_id = ANY($1::text[]) AND learnt ORDER BY account_id, kind, window_s"""


async def configure(tx: Tx, account_id: str, limits: Sequence[Limit]) -> None:
    """Have these limits hold, and no others of an admin's."""
    await tx.fetch(_CLEAR, account_id)
    if limits:
        kinds = [limit.kind.value for limit in limits]
        windows = [limit.window_s for limit in limits]
        await tx.fetch(_CONFIGURE, account_id, kinds, windows, [limit.amount for limit in limits])


async def forget(tx: Tx, account_id: str) -> None:
    """Remove all limits of an account that is removed."""
    await tx.fetch(_FORGET, account_id)


async def forget_learnt(tx: Tx, account_id: str) -> None:
    """Remove what answers have told of an account's limits."""
    await tx.fetch(_FORGET_LEARNT, account_id)


async def learnt(where: Statements, account_ids: Sequence[str]) -> dict[str, list[Row]]:
    """Return what answers have told of limits, by account."""
    found: dict[str, list[Row]] = {}
    for row in await where.fetch(_LEARNT, account_ids):
        fields = ("kind", "window_s", "amount", "remaining", "resets_at")
        found.setdefault(row["account_id"], []).append({name: row[name] for name in fields})
    return found
