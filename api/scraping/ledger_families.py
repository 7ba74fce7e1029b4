"""The ledger's checks in Prometheus' words; the same from every process."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from services.ledger.checks import CheckStanding


def ledger_families(standing: Sequence[CheckStanding]) -> Iterator[Metric]:
    """Return what the last checks found. Before the first one there are no samples."""
    violations = GaugeMetricFamily(
        "longhaul_ledger_violations",
        "Rows that break an invariant of the ledger, by the last check. More than 0 is an alarm.",
        labels=("invariant",),
    )
    checked = GaugeMetricFamily(
        "longhaul_ledger_checked_timestamp_seconds", "When an invariant was last checked.", labels=("invariant",)
    )
    for each in standing:
        violations.add_metric((each.invariant,), each.broken)
        checked.add_metric((each.invariant,), each.checked_at.timestamp())
    yield violations
    yield checked
