"""This process's own figures: its HTTP calls, its part of the request log, and the process itself.

Labels are route templates, known methods and statuses, so their number is bounded by the code, not by callers.
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from services.storage.api_log import ApiLog
from services.storage.event_writer import EventWriter

_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class HttpFigures:
    """Counters of one application. Counting takes some microseconds and touches nothing outside the process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves its type out
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._calls = Counter(
            "longhaul_http_requests",
            "HTTP calls that have ended, by route template; status 499: the client went away.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "longhaul_http_request_duration_seconds",
            "From the call to the end of its answer, streams included.",
            ("method", "route"),
            registry=self._registry,
            buckets=_BUCKETS_S,
        )
        self._in_flight = Gauge(
            "longhaul_http_requests_in_flight", "HTTP calls and WebSockets that are open.", registry=self._registry
        )

    def began(self) -> None:
        """Count a call that is open from now on."""
        self._in_flight.inc()

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count the end of one that began."""
        self._in_flight.dec()
        self._calls.labels(method, route, str(status)).inc()
        self._durations.labels(method, route).observe(seconds)

    def collect(self) -> Iterable[Metric]:
        """Return the figures as they are now."""
        return self._registry.collect()


def writer_families(log: ApiLog, writer: EventWriter | None) -> Iterable[Metric]:
    """Return how far behind this process's writers are: of the request log, and of streamed text if it has one."""
    yield CounterMetricFamily(
        "longhaul_request_log_rows_written", "Rows of the request log that were stored.", value=log.written
    )
    yield CounterMetricFamily(
        "longhaul_request_log_rows_dropped", "Rows dropped while the database was away too long.", value=log.dropped
    )
    yield GaugeMetricFamily("longhaul_request_log_rows_waiting", "Rows that are not stored yet.", value=log.waiting)
    if writer is not None:
        yield GaugeMetricFamily(
            "longhaul_event_writer_waiting_characters", "Streamed text that is not stored yet.", value=writer.waiting
        )
