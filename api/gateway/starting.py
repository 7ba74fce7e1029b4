"""The workflow of a call: started, cancelled, and looked for when nothing is heard of it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio.client import WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from api.parts import Parts
from api.temporal_calls import RPC_TIMEOUT, answering, is_not_found
from contracts.fairness import fair_priority
from contracts.gateway import CALL_KIND, CallLaunch, call_attributes
from contracts.names import STEP_WORKFLOW
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from domain.errors import NotFound, Unavailable
from services.storage import gateway_calls

START_WITHIN_S: Final = 5.0
"""Bound on a start; one may take seconds while a burst of them is on."""
TURN_WITHIN_S: Final = 30.0
"""How long a call waits to be started."""

_log: Final = logging.getLogger("longhaul.gateway")
_cancelling: Final[set[asyncio.Task[None]]] = set()
"""Cancellations on their way: each is over within the time-out of a call of Temporal."""


@dataclass(frozen=True, slots=True)
class CallRef:
    """A call and whose it is."""

    id: str
    owner: str


async def start_call(parts: Parts, launch: CallLaunch) -> None:
    """Start a call's workflow, or find it running or ended already. In a burst, calls are started a few at a time.

    Raises:
        Unavailable: Temporal did not answer, or not before others; whether the workflow was started is not known.
    """
    deployment = parts.deployment
    with suppress(WorkflowAlreadyStartedError):
        async with _turn(parts), answering(START_WITHIN_S):
            await parts.temporal.start_workflow(
                STEP_WORKFLOW,
                launch,
                id=launch.call_id,
                task_queue=deployment.task_queue,
                task_timeout=WORKFLOW_TASK_TIMEOUT,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                request_eager_start=deployment.eager_start,
                search_attributes=call_attributes(launch) if deployment.search_attributes else None,
                priority=fair_priority(launch.options.priority, launch.tenant),
                static_summary=CALL_KIND,
                rpc_timeout=timedelta(seconds=START_WITHIN_S),
            )


async def take_off(parts: Parts, launch: CallLaunch, *, comes_back: bool) -> None:
    """Start the workflow of a call, and at the same time the call itself where it is to be begun here.

    `comes_back`: it has an Idempotency-Key. Then it goes on when Temporal does not answer: who comes back finds it.

    Raises:
        Unavailable: As `start_call`.
    """
    flights = parts.flights if launch.options.flies is not None else None
    if flights is not None:
        flights.begin(launch)
    try:
        await start_call(parts, launch)
    except BaseException as error:
        if flights is not None and not comes_back:
            flights.halt(launch.call_id)
        if isinstance(error, Unavailable) and not comes_back:
            cancel_soon(parts, launch.call_id)  # it may have been started unseen, and nobody will come back for it
        raise


@asynccontextmanager
async def _turn(parts: Parts) -> AsyncIterator[None]:
    """Wait for a place among those that are being started.

    Raises:
        Unavailable: None was free in time.
    """
    try:
        async with asyncio.timeout(TURN_WITHIN_S):
            await parts.starts.acquire()
    except TimeoutError:
        raise Unavailable("too many calls are being started", retry_after_s=5.0) from None
    try:
        yield
    finally:
        parts.starts.release()


async def cancel_call(parts: Parts, call_id: str) -> bool:
    """End a call at once if it is made in this process, and ask its workflow to end; return whether it was running.

    Raises:
        Unavailable: Temporal did not answer.
    """
    halted = parts.flights is not None and parts.flights.halt(call_id)
    try:
        async with answering():
            await parts.temporal.get_workflow_handle(call_id).cancel(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if is_not_found(error):
            return halted
        raise
    return True


def cancel_soon(parts: Parts, call_id: str) -> None:
    """Have a call cancelled that nobody waits for any more; should that fail, it goes on to its end."""
    task = asyncio.create_task(_cancel(parts, call_id), name=f"cancel {call_id}")
    _cancelling.add(task)
    task.add_done_callback(_cancelling.discard)


async def _cancel(parts: Parts, call_id: str) -> None:
    try:
        await cancel_call(parts, call_id)
    except (Unavailable, RPCError) as error:
        _log.warning("a call that was left could not be cancelled: %s", type(error).__name__)


async def is_lost(parts: Parts, call: CallRef) -> bool:
    """Whether a call will never end: no workflow is there that could bring an end, and none is in the log.

    In this order: a workflow records the end of its call before its own.
    """
    try:
        if await _is_running(parts, call.id):
            return False
        return (await gateway_calls.read(parts.database, call.owner, call.id)).outcome is None
    except NotFound:
        return True
    except Unavailable:
        return False


async def _is_running(parts: Parts, call_id: str) -> bool:
    try:
        async with answering():
            found = await parts.temporal.get_workflow_handle(call_id).describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if is_not_found(error):
            return False
        raise
    return found.status is WorkflowExecutionStatus.RUNNING
