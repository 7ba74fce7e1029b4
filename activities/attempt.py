"""This attempt of an activity: how long it has, whether another follows, and why it is cancelled."""

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio import activity

from contracts.policies import COORDINATOR_TIMEOUT_S, MODEL_TRIES
from domain.errors import ModelError, ToolError, Unavailable

MARGIN_S = 3.0
"""What is left for closing the journal after a call that took all its time."""

_SHORTEST_S = 1.0


class TimeLeft:
    """The time that this attempt's model calls may take together. Make it when the attempt starts."""

    def __init__(self) -> None:
        bound = activity.info().start_to_close_timeout
        total_s = bound.total_seconds() if bound else COORDINATOR_TIMEOUT_S
        self._end = asyncio.get_running_loop().time() + total_s - MARGIN_S

    def seconds(self) -> float:
        """Return what is left, at least a second."""
        return max(self._end - asyncio.get_running_loop().time(), _SHORTEST_S)


def is_last(error: ModelError | ToolError, tries: int = 0) -> bool:
    """Return whether Temporal will not try again after this error, of the round's model call number `tries`."""
    info = activity.info()
    policy = info.retry_policy
    if not error.retryable or tries >= MODEL_TRIES:
        return True
    if policy is None:
        return False
    if policy.maximum_attempts and info.attempt >= policy.maximum_attempts:
        return True
    if info.schedule_to_close_timeout is None:
        return False
    pause = policy.initial_interval * policy.backoff_coefficient ** (info.attempt - 1)
    pause = min(pause, policy.maximum_interval) if policy.maximum_interval else pause
    if error.retry_after_s is not None:
        pause = timedelta(seconds=error.retry_after_s)
    return datetime.now(UTC) + pause >= info.scheduled_time + info.schedule_to_close_timeout


def check_cancelled_on_purpose() -> None:
    """Raise Unavailable if not the workflow but a stopping worker ends this attempt: another must follow."""
    details = activity.cancellation_details()
    if details is not None and not details.cancel_requested:
        raise Unavailable("this worker stops; another attempt goes on", retry_after_s=0.1)
