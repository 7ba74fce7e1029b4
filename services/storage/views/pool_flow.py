"""What went through the pool lately: calls, errors, latency, tokens, money; in all, by route, deployment and account.

It is counted from the leases of the time in question: each is one attempt at a provider.
"""

from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum

from domain.value import Value
from services.storage.driver import Row
from services.storage.statements import Statements

SHOWN = 500
"""Routes, deployments and accounts that are shown in all, the busiest."""

_GROUPS = "GROUPING(route, deployment_id, account_id) AS by, coalesce(route, deployment_id, account_id, '') AS name"
_LATELY = "FROM lease WHERE ended_at > clock_timestamp() - make_interval(secs => $1) AND outcome <> 'unused'"
_FLOWS = f"""
    SELECT {_GROUPS}, count(*) AS calls,
        count(*) FILTER (WHERE outcome NOT IN ('ok', 'cancelled')) AS errors,
        sum(input_tokens) AS input_tokens, sum(cached_tokens) AS cached_tokens, sum(output_tokens) AS output_tokens,
        coalesce(sum(cost_micros) FILTER (WHERE tokens = input_tokens + output_tokens), 0)::bigint AS cost_micros,
        percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY total_ms)
            FILTER (WHERE outcome = 'ok') AS total_ms,
        percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY first_token_ms)
            FILTER (WHERE outcome = 'ok') AS first_token_ms
    {_LATELY}
    GROUP BY GROUPING SETS ((), (route), (deployment_id), (account_id))
    ORDER BY calls DESC, by DESC, name LIMIT $2"""
_OUTCOMES = f"""
    SELECT {_GROUPS}, outcome, count(*) AS calls {_LATELY}
    GROUP BY GROUPING SETS ((outcome), (outcome, route), (outcome, deployment_id), (outcome, account_id))
    ORDER BY calls DESC LIMIT 10 * $2::int"""


class Group(StrEnum):
    """What calls are put together by."""

    ALL = "all"
    ROUTE = "route"
    DEPLOYMENT = "deployment"
    ACCOUNT = "account"


# GROUPING's bits, from the left: set for each column that a row is not grouped by.
_BY: Mapping[int, Group] = {0b111: Group.ALL, 0b011: Group.ROUTE, 0b101: Group.DEPLOYMENT, 0b110: Group.ACCOUNT}


class Percentiles(Value):
    """Milliseconds that half, 95 and 99 in a hundred of the answered calls stayed within."""

    p50: float
    p95: float
    p99: float


class Flow(Value):
    """Attempts of one group that ended lately. `outcomes`: how, with `ok` and `cancelled`, which are no errors.

    Latencies are those of answered calls; None: there were none.
    """

    by: Group
    name: str
    calls: int = 0
    errors: int = 0
    outcomes: dict[str, int] = {}
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0
    total_ms: Percentiles | None = None
    first_token_ms: Percentiles | None = None


async def flows(where: Statements, window_s: float) -> list[Flow]:
    """Return what ended in the last `window_s` seconds, the busiest groups first."""
    outcomes: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for row in await where.fetch(_OUTCOMES, window_s, SHOWN):
        outcomes[row["by"], row["name"]][row["outcome"]] = row["calls"]
    rows = await where.fetch(_FLOWS, window_s, SHOWN)
    return [_flow(row, outcomes[row["by"], row["name"]]) for row in rows if row["calls"]]


def _flow(row: Row, outcomes: dict[str, int]) -> Flow:
    plain = ("name", "calls", "errors", "input_tokens", "cached_tokens", "output_tokens", "cost_micros")
    return Flow(
        **{name: row[name] for name in plain},
        by=_BY[row["by"]],
        outcomes=outcomes,
        total_ms=_percentiles(row["total_ms"]),
        first_token_ms=_percentiles(row["first_token_ms"]),
    )


def _percentiles(found: list[float | None] | None) -> Percentiles | None:
    if found is None or found[0] is None or found[1] is None or found[2] is None:
        return None
    return Percentiles(p50=found[0], p95=found[1], p99=found[2])
