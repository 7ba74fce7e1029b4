"""Webhooks: telling the ends of jobs, and for how long it is tried.

They have a task queue of their own, so that receivers who are slow to answer keep no job and no call waiting.
"""

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import TypedDict

from temporalio import activity
from temporalio.common import Priority, RetryPolicy

from contracts.policies import NON_RETRYABLE
from domain.value import Value
from domain.webhook import KEEP_TRYING, LONGEST_PAUSE

SEND_TIMEOUT_S = 10.0
"""How long a receiver may take to answer."""


class WebhookDelivery(Value):
    """Tell a job's end to its webhook. `content`: with the answer."""

    call_id: str
    owner: str
    url: str
    content: bool = False


class Webhooks(ABC):
    """Telling the ends of jobs."""

    @abstractmethod
    @activity.defn(name="deliver_webhook")
    async def deliver_webhook(self, delivery: WebhookDelivery) -> None:
        """Send the signed news of a job's end, once; Temporal retries. What came of it is on record."""


class WebhookOptions(TypedDict):
    """Options of the activity that sends a webhook."""

    task_queue: str
    priority: Priority
    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    retry_policy: RetryPolicy


def webhook_queue(task_queue: str) -> str:
    """Return the task queue of the webhooks of workflows on `task_queue`."""
    return f"{task_queue}-webhooks"


def webhook_work(task_queue: str, priority: Priority) -> WebhookOptions:
    """Return the options of the activity that sends a webhook.

    The activity itself gives up after `KEEP_TRYING`, and puts it on record. Temporal's bound is twice that, so that a
    day without workers loses none.
    """
    return WebhookOptions(
        task_queue=webhook_queue(task_queue),
        priority=priority,
        start_to_close_timeout=timedelta(seconds=2 * SEND_TIMEOUT_S),
        schedule_to_close_timeout=2 * KEEP_TRYING,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=1),
            backoff_coefficient=2.0,
            maximum_interval=LONGEST_PAUSE,
            non_retryable_error_types=NON_RETRYABLE,
        ),
    )
