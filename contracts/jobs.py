"""Jobs: calls of the gateway that nobody waits for. Where they queue, in which order, and for how long.

Jobs have a task queue of their own, which each worker serves with few slots: what does not fit rests there, and the
server hands it out by priority, and within a priority to tenants in turn.
"""

from datetime import timedelta

from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import ActivityCancellationType

from contracts.gateway import CallActivityOptions
from contracts.policies import HEARTBEAT_TIMEOUT, NON_RETRYABLE

JOB_PATIENCE = timedelta(hours=24)
"""How long a job may wait for its turn and for capacity together; then it has failed."""

SLOT_PATIENCE_S = 20.0
"""How long a job that has its turn waits for capacity before it makes place for others and queues again."""


def job_queue(task_queue: str) -> str:
    """Return the task queue of the jobs whose workflows are on `task_queue`."""
    return f"{task_queue}-jobs"


def job_work(task_queue: str, priority: Priority, timeout_s: float) -> CallActivityOptions:
    """Return the options of the activity that makes a job's call; `timeout_s` bounds one attempt of it."""
    return CallActivityOptions(
        schedule_to_start_timeout=None,
        task_queue=job_queue(task_queue),
        priority=priority,
        start_to_close_timeout=timedelta(seconds=timeout_s),
        schedule_to_close_timeout=JOB_PATIENCE + timedelta(seconds=timeout_s),
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=_JOB_RETRY,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


_JOB_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
    non_retryable_error_types=NON_RETRYABLE,
)
