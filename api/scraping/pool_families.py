"""The pool in Prometheus' words. These figures are the whole installation's, the same from every process."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from domain.breaker import BreakerState
from services.storage.pool_rollup import FIRST_TOKEN_MS, TOTAL_MS, Total
from services.storage.views.pool_metrics import PoolState

_PLACE: Final = ("route", "deployment", "account")
_OK: Final = "ok"
_BREAKER_VALUES: Final = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
_Key = tuple[str, str, str]


class _Sum(NamedTuple):
    """A counter that is summed over outcomes: its name, what it says, its field of `Total`, its unit's divisor."""

    name: str
    documentation: str
    field: str
    divisor: int = 1


_SUMS: Final = (
    _Sum("longhaul_model_input_tokens", "Tokens of input, cached ones included.", "input_tokens"),
    _Sum("longhaul_model_cached_input_tokens", "Tokens of input that the provider had cached.", "cached_tokens"),
    _Sum("longhaul_model_output_tokens", "Tokens of output.", "output_tokens"),
    _Sum("longhaul_model_cost", "Money, in whole units of the price table's currency.", "cost_micros", 1_000_000),
)


def total_families(totals: Sequence[Total]) -> Iterator[Metric]:
    """Return the counters and histograms of calls to models, by route, deployment and account."""
    calls = CounterMetricFamily(
        "longhaul_model_calls",
        "Attempts at providers that have ended, by outcome: ok, cancelled, lost, or an error's code.",
        labels=(*_PLACE, "outcome"),
    )
    places: dict[_Key, list[Total]] = defaultdict(list)
    for total in totals:
        calls.add_metric((*_key(total), total.outcome), total.calls)
        places[_key(total)].append(total)
    yield calls
    for each in _SUMS:
        yield _summed(each, places)
    answered = [total for total in totals if total.outcome == _OK]
    yield _histogram(
        "longhaul_model_call_duration_seconds",
        "Answered calls: from sending to the answer's end.",
        TOTAL_MS,
        (_Spread(_key(row), row.total_buckets, row.total_ms) for row in answered),
    )
    yield _histogram(
        "longhaul_model_first_token_seconds",
        "Answered calls: from sending to the first token.",
        FIRST_TOKEN_MS,
        (_Spread(_key(row), row.first_token_buckets, row.first_token_ms) for row in answered),
    )


def state_families(state: PoolState) -> Iterator[Metric]:
    """Return the gauges of the pool as it stands."""
    yield _gauge(
        "longhaul_model_deployment_info",
        "Configured deployments: which model, on which account, at which provider.",
        ("deployment", "account", "provider", "model"),
        _deployments(state),
    )
    yield _gauge(
        "longhaul_model_open_leases",
        "Calls to models that are being made.",
        _PLACE,
        (((row.route, row.deployment_id, row.account_id), row.leases) for row in state.open_leases),
    )
    yield _gauge(
        "longhaul_model_waiting_calls",
        "Calls that wait for capacity.",
        ("route",),
        (((row.route,), row.calls) for row in state.waiting),
    )
    yield _gauge(
        "longhaul_model_account_parked",
        "1 while an account is out of use because its credential is taken for dead.",
        ("account", "provider"),
        (((row.id, row.provider_id), int(row.parked_at is not None)) for row in state.accounts),
    )
    yield _gauge(
        "longhaul_model_breaker_state",
        "Circuit breakers that have ever opened or failed: 0 closed, 1 half open, 2 open.",
        ("scope", "id"),
        ((_scope(row.scope), _BREAKER_VALUES[BreakerState(row.state)]) for row in state.breakers),
    )
    limits = [((row.account_id, row.kind, f"{row.window_s:g}"), row) for row in state.limits]
    labels = ("account", "kind", "window_seconds")
    yield _gauge(
        "longhaul_model_limit", "Limits of accounts; window 0: at any time.", labels, ((k, r.amount) for k, r in limits)
    )
    yield _gauge("longhaul_model_limit_used", "What is used of each limit.", labels, ((k, r.used) for k, r in limits))


def _gauge(
    name: str, documentation: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def _key(total: Total) -> _Key:
    return total.route, total.deployment_id, total.account_id


def _deployments(state: PoolState) -> Iterator[tuple[Sequence[str], float]]:
    providers = {account.id: account.provider_id for account in state.accounts}
    for row in state.deployments:
        yield (row.id, row.account_id, providers.get(row.account_id, ""), row.model), 1


def _scope(scope: str) -> Sequence[str]:
    kind, _, subject = scope.partition(":")
    return kind, subject


def _summed(each: _Sum, places: dict[_Key, list[Total]]) -> CounterMetricFamily:
    family = CounterMetricFamily(each.name, each.documentation, labels=_PLACE)
    for key, totals in places.items():
        family.add_metric(key, sum(getattr(total, each.field) for total in totals) / each.divisor)
    return family


class _Spread(NamedTuple):
    """One place's share of a histogram: calls by bucket, and the sum of their milliseconds."""

    key: _Key
    counts: Sequence[int]
    sum_ms: int


def _histogram(
    name: str, documentation: str, bounds_ms: Sequence[int], spreads: Iterable[_Spread]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, documentation, labels=_PLACE)
    for spread in spreads:
        family.add_metric(spread.key, _cumulated(bounds_ms, spread.counts), spread.sum_ms / 1000)
    return family


def _cumulated(bounds_ms: Sequence[int], counts: Sequence[int]) -> list[tuple[str, float]]:
    """Return Prometheus' buckets, each with all below it, from ours."""
    names = [str(bound / 1000) for bound in bounds_ms]
    return [(name, float(count)) for name, count in zip([*names, "+Inf"], accumulate(counts), strict=True)]
