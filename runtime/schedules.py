"""The Temporal Schedule that refreshes the registry of tool servers. Start-up never fails for it."""

import logging
from datetime import timedelta
from typing import Final

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from contracts.policies import WORKFLOW_TASK_TIMEOUT
from contracts.tools import REFRESH_TOOLS, RefreshTools
from domain.errors import Unavailable

REFRESH_SCHEDULE: Final = "longhaul-tool-refresh"
WORKFLOW_ID: Final = "tools/refresh"
RUN_LIMIT: Final = timedelta(minutes=30)
RPC_TIMEOUT: Final = timedelta(seconds=5)

_log = logging.getLogger(__name__)


async def ensure_refresh_schedule(
    client: Client,
    task_queue: str,
    every_s: float = 300.0,
    jitter_s: float = 60.0,
    *,
    schedule_id: str = REFRESH_SCHEDULE,
) -> bool:
    """Create the schedule, or bring it up to date; a refresh that still runs is not started a second time.

    Args:
        client: A connected client.
        task_queue: Where the refreshes run.
        every_s: Seconds between two refreshes.
        jitter_s: Each begins up to so many seconds later, so that installations do not ask in step.
        schedule_id: Its id, one in a namespace.

    Returns:
        Whether there is one now; False, with a line in the log, when the server refuses or does not answer.
    """
    wanted = _schedule(task_queue, every_s, jitter_s)
    try:
        try:
            await client.create_schedule(schedule_id, wanted, rpc_timeout=RPC_TIMEOUT)
        except ScheduleAlreadyRunningError:
            await _update(client, schedule_id, wanted)
    except (RPCError, Unavailable, RuntimeError) as error:  # RuntimeError: the SDK could not connect
        _log.warning("tool servers are not refreshed by schedule: Temporal refused it (%s)", type(error).__name__)
        return False
    return True


async def _update(client: Client, schedule_id: str, wanted: Schedule) -> None:
    async def take(now: ScheduleUpdateInput) -> ScheduleUpdate:
        wanted.state = now.description.schedule.state  # whoever paused it wants it paused
        return ScheduleUpdate(schedule=wanted)

    await client.get_schedule_handle(schedule_id).update(take, rpc_timeout=RPC_TIMEOUT)


def _schedule(task_queue: str, every_s: float, jitter_s: float) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            REFRESH_TOOLS,
            RefreshTools(reason="schedule"),
            id=WORKFLOW_ID,
            task_queue=task_queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            run_timeout=RUN_LIMIT,
            static_summary="refresh of all tool servers",
        ),
        spec=ScheduleSpec(
            intervals=[ScheduleIntervalSpec(every=timedelta(seconds=every_s))], jitter=timedelta(seconds=jitter_s)
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(seconds=every_s)),
    )
