"""Time-outs and retries of everything a workflow calls. One layer retries: Temporal, by these policies.

Times in seconds. Heartbeats come each second (`HEARTBEAT_EVERY`); the worker passes them on at least every two.
"""

from datetime import timedelta
from typing import Any, TypedDict

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

HEARTBEAT_EVERY = 1.0
HEARTBEAT_TIMEOUT = timedelta(seconds=5)
HEARTBEAT_THROTTLE = timedelta(seconds=2)
WORKFLOW_TASK_TIMEOUT = timedelta(seconds=5)
STICKY_TIMEOUT = timedelta(seconds=2)

COORDINATOR_TIMEOUT_S = 120.0
"""Bound on one attempt of understanding, planning, evaluating and synthesizing."""

NON_RETRYABLE = (
    "LonghaulError",
    "InvalidInput",
    "ConditionInvalid",
    "AmendmentRefused",
    "NotFound",
    "Conflict",
    "ModelError",
    "ModelRejected",
    "ModelContextTooLong",
    "ModelContentRefused",
    "ModelUnknown",
    "ModelCredentialDead",
    "ModelAnswerTooLarge",
    "BudgetExhausted",
    "ToolError",
    "ToolArgumentsInvalid",
    "ToolMissing",
    "ToolFailed",
    "ToolAuthNeeded",
    "ToolNeedsInput",
    "ToolAnswerInvalid",
    "ToolAnswerTooLarge",
    "ToolRefused",
    "PayloadSizeError",
)
"""Error types that no retry mends, by exact class name (Temporal knows no inheritance)."""

MODEL_TRIES = 12
"""Model calls that one round may take, failed ones included. Waits for capacity are no calls: time bounds them."""

_MODEL_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=0.5),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=20),
    non_retryable_error_types=NON_RETRYABLE,
)


class ActivityOptions(TypedDict):
    """Options of an ordinary activity that calls a model."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


def model_work(timeout_s: float) -> ActivityOptions:
    """Return the options of a model activity: one attempt has `timeout_s`, all of them three times that and a minute.

    A cancelled activity is waited for, so that what it has used is known.
    """
    return ActivityOptions(
        start_to_close_timeout=timedelta(seconds=timeout_s),
        schedule_to_close_timeout=timedelta(seconds=3 * timeout_s + 60),
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=_MODEL_RETRY,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


_SERVER_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=0.5),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=5),
    maximum_attempts=5,
    non_retryable_error_types=NON_RETRYABLE,
)
READ_SERVER_S = 150.0
"""Bound on reading what a tool server offers: two readings of a minute each, a pause, and the writing."""
SIGN_IN_S = 720.0
"""Bound on a sign-in: ten minutes for the person, the rest for the servers."""


def tool_server_work(timeout_s: float) -> ActivityOptions:
    """Return the options of an activity that deals with a tool server beside any step; it may run twice in full."""
    return ActivityOptions(
        start_to_close_timeout=timedelta(seconds=timeout_s),
        schedule_to_close_timeout=timedelta(seconds=2 * timeout_s),
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=_SERVER_RETRY,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


TABLE_WORK: dict[str, Any] = {"start_to_close_timeout": timedelta(seconds=10), "retry_policy": _SERVER_RETRY}
"""Options of an ordinary activity that only reads a table."""

DATABASE_WORK: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=1),
    "local_retry_threshold": timedelta(milliseconds=100),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=0.5),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(seconds=5),
        non_retryable_error_types=("InvalidInput", "NotFound", "Conflict"),
    ),
}
"""Options of a local activity: database work of a second at most, retried until the database is back.

While one runs, messages to the workflow wait; so it is short, and every back-off is a durable timer, not a wait.
"""
