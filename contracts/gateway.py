"""What the gateway's calls take and give, and the port of the activity that makes them.

A call is a StepWorkflow of its own, with `CallLaunch` as its input and the call's id as its workflow id.
"""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypedDict

from temporalio import activity
from temporalio.common import Priority, RetryPolicy, SearchAttributePair, TypedSearchAttributes
from temporalio.workflow import ActivityCancellationType

from contracts.names import KIND, MODEL, OWNER, PHASE
from contracts.policies import HEARTBEAT_TIMEOUT, NON_RETRYABLE, ActivityOptions
from domain.caller import LOCAL_TENANT
from domain.content import Text
from domain.gateway import CallOptions
from domain.request import Phase
from domain.value import Value

CALL_KIND = "call"
"""The search attribute LonghaulKind of a gateway call."""

SLOT = "call"
"""The journal's slot of a gateway call; its round is 1."""

PATIENCE_S = 2.0
"""How long a local activity waits for a call that it began. A longer one goes on in its process, and is followed."""

TAKEN_UP_WITHIN = timedelta(seconds=5)
"""How long a call waits to be followed by the process that makes it; then that process is taken for dead."""


class CallLaunch(Value):
    """A gateway call to make. `body`: the JSON body as it was asked, in the OpenAI API's form.

    Attributes:
        tenant: With whom it shares task queues.
        accepted_at: From then on a wait for capacity is counted.
        search_attributes: Whether the server has ours.
        halt: The call is not to be made, or not any longer: it ends so.
    """

    call_id: str
    owner: str
    body: Text
    options: CallOptions
    accepted_at: datetime
    search_attributes: bool = True
    tenant: str = LOCAL_TENANT
    halt: Literal["cancelled", "failed"] | None = None


class CallMade(Value):
    """What became of a call, as far as the workflow needs to know; the rest is in the log.

    `state` `flying`: it is being made by the process whose task queue is `queue`; `waiting`: no account is free before
    `retry_after_s` seconds.
    """

    state: Literal["done", "failed", "cancelled", "flying", "waiting"]
    queue: str | None = None
    retry_after_s: float = 0.0
    error_code: str | None = None
    cost_micros: int = 0


class GatewayCalls(ABC):
    """Making the calls of the gateway."""

    @abstractmethod
    @activity.defn(name="make_call")
    async def make_call(self, launch: CallLaunch) -> CallMade:
        """Make the call, or take it over from a process that died; as a local activity, answer `flying` in time."""

    @abstractmethod
    @activity.defn(name="follow_call")
    async def follow_call(self, launch: CallLaunch) -> CallMade:
        """Wait, in the process that makes the call, for its end; a cancellation ends the call."""


class Flights(Protocol):
    """Calls that the process which accepts them begins at once, while their workflow is being started.

    The workflow's local activity finds the call in the air (`CallOptions.flies` says where) and follows it there.
    """

    queue: str
    """The task queue that only this process serves."""

    def begin(self, launch: CallLaunch) -> None:
        """Begin a call that was accepted this moment."""
        ...

    def halt(self, call_id: str) -> bool:
        """End a call on purpose; return whether it was in the air here."""
        ...


def call_attributes(launch: CallLaunch) -> TypedSearchAttributes:
    """Return what a call's workflow starts with."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(OWNER, launch.owner),
            SearchAttributePair(PHASE, Phase.RUNNING.value),
            SearchAttributePair(KIND, CALL_KIND),
            SearchAttributePair(MODEL, launch.options.model),
        ]
    )


_CALL_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=0.2),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=5),
    non_retryable_error_types=NON_RETRYABLE,
)


class LocalOptions(TypedDict):
    """Options of a local activity that begins a call."""

    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy


def begin_call() -> LocalOptions:
    """Return the options of the local activity that begins a call; it says within `PATIENCE_S` how the call does."""
    return LocalOptions(
        start_to_close_timeout=timedelta(seconds=PATIENCE_S + 2),
        retry_policy=RetryPolicy(maximum_attempts=1),
    )


class CallActivityOptions(ActivityOptions):
    """Options of an ordinary activity that makes or follows a call. `task_queue` None: the workflow's own."""

    task_queue: str | None
    priority: Priority
    schedule_to_start_timeout: timedelta | None


def follow_call(timeout_s: float, task_queue: str) -> CallActivityOptions:
    """Return the options of the activity that follows a call: tried once, for another process takes the call over."""
    return CallActivityOptions(
        task_queue=task_queue,
        priority=Priority.default,
        start_to_close_timeout=timedelta(seconds=timeout_s),
        schedule_to_close_timeout=timedelta(seconds=timeout_s) + TAKEN_UP_WITHIN,
        schedule_to_start_timeout=TAKEN_UP_WITHIN,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=RetryPolicy(maximum_attempts=1),
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


def call_work(timeout_s: float, wait_s: float) -> CallActivityOptions:
    """Return the options of the ordinary activity that makes a call. Waits for capacity are bounded by time alone."""
    return CallActivityOptions(
        task_queue=None,
        priority=Priority.default,
        schedule_to_start_timeout=None,
        start_to_close_timeout=timedelta(seconds=timeout_s),
        schedule_to_close_timeout=timedelta(seconds=2 * timeout_s + wait_s + 60),
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=_CALL_RETRY,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )
