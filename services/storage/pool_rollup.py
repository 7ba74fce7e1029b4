"""Counters of the pool that never go back: ended leases are added to `pool_total`, each exactly once.

So leases may be removed, and counters outlive them. Whoever reads the counters rolls up first; so does the purge.
"""

from collections.abc import Sequence
from typing import Final

from domain.value import Value
from services.storage.driver import Row
from services.storage.statements import Statements

TOTAL_MS: Final = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000)
"""Upper bounds of the buckets of durations. Stored counts are by place, so a change of these needs a migration."""
FIRST_TOKEN_MS: Final = (50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000)
"""Upper bounds of the buckets of first-token times; as `TOTAL_MS`."""

LOST: Final = "lost"
"""The outcome of a call whose process died: its lease expired, and nobody said how it went."""
LOST_AFTER_S: Final = 3600.0
"""How long after its expiry a lease may still be settled and counted by its outcome; then it counts as lost."""

_ROLL_UP = "SELECT longhaul_pool_rollup($1, $2, $3::int[], $4::int[]) AS marked"
_TOTALS = """
    WITH busiest AS (
        SELECT account_id, deployment_id, route FROM pool_total GROUP BY 1, 2, 3
        ORDER BY sum(calls) DESC, account_id, deployment_id, route LIMIT $1)
    SELECT t.* FROM pool_total t JOIN busiest USING (account_id, deployment_id, route)
    ORDER BY t.route, t.deployment_id, t.account_id, t.outcome"""


class Total(Value):
    """All calls of an account, deployment and route with one outcome since the installation's first.

    `total_buckets`, `first_token_buckets`: calls up to each of `TOTAL_MS`, `FIRST_TOKEN_MS` and above the one before;
    the last one those above all.
    """

    account_id: str
    deployment_id: str
    route: str
    outcome: str
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_micros: int
    total_ms: int
    first_token_ms: int
    first_tokens: int
    total_buckets: tuple[int, ...]
    first_token_buckets: tuple[int, ...]


async def roll_up(where: Statements, limit: int = 2000, *, lost_after_s: float = LOST_AFTER_S) -> int:
    """Add up to `limit` ended leases, and as many lost ones; return how many.

    0: there are no more, or another process is at it.
    """
    (row,) = await where.fetch(_ROLL_UP, limit, lost_after_s, list(TOTAL_MS), list(FIRST_TOKEN_MS))
    marked: int = row["marked"]
    return marked


async def totals(where: Statements, groups: int = 500) -> Sequence[Total]:
    """Return the totals of the `groups` busiest combinations of account, deployment and route.

    A sum never goes back; a combination that others overtake is left out until it is among the busiest again.
    """
    return [_total(row) for row in await where.fetch(_TOTALS, groups)]


def _total(row: Row) -> Total:
    known = {name: row[name] for name in _PLAIN}
    buckets = row["buckets"]
    return Total(**known, total_buckets=buckets["total"], first_token_buckets=buckets["first_token"])


_PLAIN = tuple(name for name in Total.model_fields if not name.endswith("_buckets"))
