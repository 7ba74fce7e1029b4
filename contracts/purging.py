"""Removing by age: the workflow that a schedule starts, and the port of the activity that does the work."""

from abc import ABC, abstractmethod
from datetime import timedelta

from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from contracts.policies import HEARTBEAT_TIMEOUT, NON_RETRYABLE, ActivityOptions
from domain.purging import Keep, PurgeKind
from domain.value import Value

PURGE = "PurgeWorkflow"
"""Takes `Purge`, gives `Purged`. The schedule's has the id `purge`."""

SWEEP_S = 20.0
"""For how long one activity removes batches; then it says how far it came."""

SWEEP_WORK = ActivityOptions(
    start_to_close_timeout=timedelta(seconds=3 * SWEEP_S),
    schedule_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30), non_retryable_error_types=NON_RETRYABLE),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
"""Options of the activity: a database that is away is waited for, within ten minutes a kind."""


class Purge(Value):
    """What to remove. After a continue-as-new `kinds` are those left, and `rows` and `failed` the result so far."""

    keep: Keep = Keep()
    kinds: tuple[PurgeKind, ...] = tuple(PurgeKind)
    rows: dict[PurgeKind, int] = {}
    failed: tuple[PurgeKind, ...] = ()


class Purged(Value):
    """How many rows of each kind are gone (of the totals: were rolled up). `failed`: what was left half done."""

    rows: dict[PurgeKind, int] = {}
    failed: tuple[PurgeKind, ...] = ()


class Sweep(Value):
    """Remove what is old of one kind."""

    kind: PurgeKind
    keep: Keep = Keep()


class Swept(Value):
    """How many rows that were. `more`: time was over before all was gone."""

    rows: int
    more: bool


class Purging(ABC):
    """Removing by age."""

    @abstractmethod
    @activity.defn(name="sweep")
    async def sweep(self, request: Sweep) -> Swept:
        """Remove what is old of one kind, batch by batch, for `SWEEP_S` seconds at most."""
