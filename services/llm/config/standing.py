"""What of the pool is out of use, for the health page: parked accounts, failed checks, silent nodes."""

from datetime import datetime

from domain.value import Value
from services.storage.statements import Statements

SHOWN = 100
"""Accounts and nodes that are named, of each kind."""

_PARKED = """
    SELECT id, parked_at, parked_code, parked_note FROM pool_account
    WHERE parked_at IS NOT NULL ORDER BY parked_at DESC, id LIMIT $1"""
_SILENT = """
    SELECT id FROM pool_node WHERE seen_at < clock_timestamp() - make_interval(secs => ttl_s) ORDER BY id LIMIT $1"""
_ACCOUNTS = "SELECT count(*) AS n, count(parked_at) AS parked, count(check_error) AS failed FROM pool_account"


class ParkedAccount(Value):
    """An account out of use, because its credential is taken for dead."""

    id: str
    at: datetime
    code: str
    note: str


class PoolStanding(Value):
    """How the pool stands.

    Attributes:
        accounts: How many there are; `parked`, `failed`: of them, out of use, and those whose last check failed.
        parked_accounts: The newest of those that are parked.
        silent_nodes: Nodes that are not heard of.
    """

    accounts: int
    parked: int
    failed: int
    parked_accounts: tuple[ParkedAccount, ...]
    silent_nodes: tuple[str, ...]


async def standing(where: Statements) -> PoolStanding:
    """Return how the pool stands."""
    (counts,) = await where.fetch(_ACCOUNTS)
    parked = await where.fetch(_PARKED, SHOWN)
    silent = await where.fetch(_SILENT, SHOWN)
    return PoolStanding(
        accounts=counts["n"],
        parked=counts["parked"],
        failed=counts["failed"],
        parked_accounts=tuple(
            ParkedAccount(
                id=row["id"], at=row["parked_at"], code=row["parked_code"] or "", note=row["parked_note"] or ""
            )
            for row in parked
        ),
        silent_nodes=tuple(row["id"] for row in silent),
    )
