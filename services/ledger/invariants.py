"""What must be true of the ledger at every instant, as queries that find what is not.

Each query is a statement, and so sees the ledger as it is at one instant. `$1` is the first transaction to look at: 0
for the whole ledger, else what has happened since that one, and the wallets, holds and budgets that it touched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.storage.database import Database, Tx

SHOWN: Final = 20
"""Broken rows that are named."""
WHOLE: Final = 0
WITHIN_S: Final = 100.0
"""Bound on one query: the whole of a large ledger takes its time. All of them together fit into a check's time-out."""
RECENT_S: Final = 600
"""How far back a check of what is new looks. No transaction takes so long, so none that is late is missed."""

_QUERIES: Final = Path(__file__).parent / "invariant_queries"
_FOUND: Final = "SELECT count(*) OVER () AS rows, q.broken FROM ({query}) AS q LIMIT {shown}"
_RECENT: Final = """
    SELECT 1 + coalesce((
        SELECT t.id FROM ledger_transaction t WHERE t.at < clock_timestamp() - make_interval(secs => $1)
        ORDER BY t.id DESC LIMIT 1), 0) AS first"""


@dataclass(frozen=True)
class Finding:
    """What one invariant's query found. `rows`: how many say that it is broken; `sample`: the first of them."""

    invariant: str
    rows: int
    sample: tuple[str, ...]


def queries() -> Mapping[str, str]:
    """Return the queries by the names of their invariants."""
    return {file.stem: file.read_text().strip() for file in sorted(_QUERIES.glob("*.sql"))}


async def recent(db: Database) -> int:
    """Return the first transaction of the last `RECENT_S` seconds."""
    (row,) = await db.fetch(_RECENT, RECENT_S)
    return int(row["first"])


async def check(db: Database, first: int = WHOLE) -> tuple[Finding, ...]:
    """Check every invariant, from a transaction on.

    Raises:
        Unavailable: The database does not answer, or a query took too long.
    """
    findings: list[Finding] = []
    for name, query in queries().items():
        async with db.transaction() as tx:
            findings.append(await check_one(tx, name, query, first))
    return tuple(findings)


async def check_one(tx: Tx, name: str, query: str, first: int) -> Finding:
    """Check one invariant, in a transaction that may take as long as it does; as `check`."""
    await tx.driver.execute(f"SET LOCAL statement_timeout = '{WITHIN_S:.0f}s'")
    rows = await tx.driver.fetch(_FOUND.format(query=query, shown=SHOWN), first, timeout=WITHIN_S + 5)
    return Finding(name, rows[0]["rows"] if rows else 0, tuple(row["broken"] for row in rows))
