"""The pool's metrics as one document: what went through it lately, laid beside how it stands."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from api.documents.metrics import (
    AccountMetrics,
    DeploymentMetrics,
    FlowDocument,
    LimitDocument,
    MetricsDocument,
    RouteMetrics,
)
from services.storage.database import Database
from services.storage.views.pool_flow import Flow, Group, flows
from services.storage.views.pool_metrics import BreakerStanding, OpenLeases, PoolState, pool_state


async def load_metrics(database: Database, minutes: int) -> MetricsDocument:
    """Return the metrics of the last minutes.

    Raises:
        Unavailable: The database does not answer.
    """
    window_s = minutes * 60
    lately = _Lately(await flows(database, window_s), window_s)
    state = await pool_state(database)
    return MetricsDocument(
        at=datetime.now(UTC),
        window_s=window_s,
        total=FlowDocument(**lately.flow(Group.ALL, "")),
        routes=_routes(lately, state),
        deployments=_deployments(lately, state),
        accounts=_accounts(lately, state),
        open_leases=sum(row.leases for row in state.open_leases),
        waiting=sum(row.calls for row in state.waiting),
    )


class _Lately:
    """What went through the pool, by group and name."""

    def __init__(self, found: Iterable[Flow], window_s: int) -> None:
        self._flows = {(flow.by, flow.name): flow for flow in found}
        self._window_s = window_s

    def flow(self, by: Group, name: str) -> dict[str, Any]:
        """Return the fields of a flow's document; who had no calls has zeros."""
        flow = self._flows.get((by, name)) or Flow(by=by, name=name)
        return {
            **flow.model_dump(exclude={"by"}),
            "calls_per_s": flow.calls / self._window_s,
            "error_rate": flow.errors / max(flow.calls, 1),
            "input_tokens_per_s": flow.input_tokens / self._window_s,
            "output_tokens_per_s": flow.output_tokens / self._window_s,
        }

    def names(self, by: Group, others: Iterable[str]) -> list[str]:
        """Return whom to show: who had calls, the busiest first, then the others."""
        busy = [name for kind, name in self._flows if kind is by]
        return list(dict.fromkeys([*busy, *sorted(others)]))


def _routes(lately: _Lately, state: PoolState) -> list[RouteMetrics]:
    leases = _summed((row.route, row) for row in state.open_leases)
    waiting = {row.route: row for row in state.waiting}
    found: list[RouteMetrics] = []
    for name in lately.names(Group.ROUTE, {*leases, *waiting}):
        row = waiting.get(name)
        found.append(
            RouteMetrics(
                **lately.flow(Group.ROUTE, name),
                open_leases=leases[name],
                waiting=row.calls if row else 0,
                longest_wait_s=row.longest_s if row else 0.0,
            )
        )
    return found


def _deployments(lately: _Lately, state: PoolState) -> list[DeploymentMetrics]:
    leases = _summed((row.deployment_id, row) for row in state.open_leases)
    breakers = {row.scope: row for row in state.breakers}
    known = {row.id: row for row in state.deployments}
    found: list[DeploymentMetrics] = []
    for name in lately.names(Group.DEPLOYMENT, known):
        row = known.get(name)
        found.append(
            DeploymentMetrics(
                **lately.flow(Group.DEPLOYMENT, name),
                **_breaker(breakers, f"deployment:{name}"),
                account=row.account_id if row else None,
                model=row.model if row else None,
                open_leases=leases[name],
            )
        )
    return found


def _accounts(lately: _Lately, state: PoolState) -> list[AccountMetrics]:
    leases = _summed((row.account_id, row) for row in state.open_leases)
    breakers = {row.scope: row for row in state.breakers}
    known = {row.id: row for row in state.accounts}
    found: list[AccountMetrics] = []
    for name in lately.names(Group.ACCOUNT, known):
        row = known.get(name)
        found.append(
            AccountMetrics(
                **lately.flow(Group.ACCOUNT, name),
                **_breaker(breakers, f"account:{name}"),
                provider=row.provider_id if row else None,
                disabled=row.disabled if row else False,
                parked_at=row.parked_at if row else None,
                parked_code=row.parked_code if row else None,
                open_leases=leases[name],
                limits=_limits(state, name),
            )
        )
    return found


def _summed(leases: Iterable[tuple[str, OpenLeases]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for name, row in leases:
        counted[name] += row.leases
    return counted


def _breaker(breakers: Mapping[str, BreakerStanding], scope: str) -> dict[str, Any]:
    standing = breakers.get(scope)
    if standing is None:
        return {"breaker": "closed", "resting_until": None}
    return {"breaker": standing.state, "resting_until": standing.until}


def _limits(state: PoolState, account: str) -> list[LimitDocument]:
    mine = (row for row in state.limits if row.account_id == account)
    return [LimitDocument(**row.model_dump(exclude={"account_id"})) for row in mine]
