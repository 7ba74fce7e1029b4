"""The Temporal Schedules: refreshes, checks, the purge, the care of the ledger. Start-up fails for none."""

import logging
from dataclasses import dataclass
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

from contracts.money import CHECK_LEDGER, RECONCILE_LEDGER, CheckLedger, Reconcile
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from contracts.pool_checks import CHECK_ACCOUNTS, CheckAccounts
from contracts.purging import PURGE, Purge
from contracts.tools import REFRESH_TOOLS, RefreshTools
from domain.errors import Unavailable
from domain.purging import Keep
from domain.value import Value

REFRESH_SCHEDULE: Final = "longhaul-tool-refresh"
WORKFLOW_ID: Final = "tools/refresh"
RUN_LIMIT: Final = timedelta(minutes=30)
CHECK_SCHEDULE: Final = "longhaul-pool-check"
CHECK_ID: Final = "pool/check"
PURGE_SCHEDULE: Final = "longhaul-purge"
PURGE_ID: Final = "purge"
LEDGER_CHECK_SCHEDULE: Final = "longhaul-ledger-check"
LEDGER_CHECK_ID: Final = "ledger/check"
RECONCILE_SCHEDULE: Final = "longhaul-ledger-reconcile"
RECONCILE_ID: Final = "ledger/reconcile"
RPC_TIMEOUT: Final = timedelta(seconds=5)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Errand:
    """What a schedule begins: a workflow with its input and its id; `run_limit` bounds one run."""

    workflow: str
    given: Value
    id: str
    summary: str
    run_limit: timedelta | None = RUN_LIMIT

    def every(self, every_s: float, task_queue: str, jitter_s: float = 0) -> Schedule:
        """Return its schedule."""
        return Schedule(
            action=ScheduleActionStartWorkflow(
                self.workflow,
                self.given,
                id=self.id,
                task_queue=task_queue,
                task_timeout=WORKFLOW_TASK_TIMEOUT,
                run_timeout=self.run_limit,
                static_summary=self.summary,
            ),
            spec=ScheduleSpec(
                intervals=[ScheduleIntervalSpec(every=timedelta(seconds=every_s))], jitter=timedelta(seconds=jitter_s)
            ),
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(seconds=every_s)),
        )


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
    errand = _Errand(REFRESH_TOOLS, RefreshTools(reason="schedule"), WORKFLOW_ID, "refresh of all tool servers")
    wanted = errand.every(every_s, task_queue, jitter_s)
    return await _ensure(client, schedule_id, wanted, "tool servers are not refreshed")


async def ensure_check_schedule(
    client: Client, task_queue: str, every_s: float = 60.0, *, schedule_id: str = CHECK_SCHEDULE
) -> bool:
    """Create the schedule of the checks of accounts, or bring it up to date; as `ensure_refresh_schedule`."""
    errand = _Errand(CHECK_ACCOUNTS, CheckAccounts(), CHECK_ID, "check of all accounts of the model pool")
    wanted = errand.every(every_s, task_queue, every_s / 5)
    return await _ensure(client, schedule_id, wanted, "accounts are not checked")


async def ensure_purge_schedule(
    client: Client,
    task_queue: str,
    keep: Keep,
    every_s: float = 3600.0,
    *,
    schedule_id: str = PURGE_SCHEDULE,
) -> bool:
    """Create the schedule of the purge, or bring it up to date; as `ensure_refresh_schedule`. `keep`: for how long."""
    errand = _Errand(PURGE, Purge(keep=keep), PURGE_ID, "removal of what is old", run_limit=None)
    wanted = errand.every(every_s, task_queue, every_s / 10)
    return await _ensure(client, schedule_id, wanted, "what is old is not removed")


async def ensure_ledger_check_schedule(
    client: Client, task_queue: str, every_s: float = 60.0, *, schedule_id: str = LEDGER_CHECK_SCHEDULE
) -> bool:
    """Create the schedule of the ledger's checks, or bring it up to date; as `ensure_refresh_schedule`."""
    errand = _Errand(CHECK_LEDGER, CheckLedger(), LEDGER_CHECK_ID, "check of the ledger")
    wanted = errand.every(every_s, task_queue)
    return await _ensure(client, schedule_id, wanted, "the ledger is not checked")


async def ensure_reconcile_schedule(
    client: Client, task_queue: str, every_s: float = 60.0, *, schedule_id: str = RECONCILE_SCHEDULE
) -> bool:
    """Create the schedule that closes orphaned holds, or bring it up to date; as `ensure_refresh_schedule`."""
    errand = _Errand(RECONCILE_LEDGER, Reconcile(), RECONCILE_ID, "closing of orphaned holds")
    wanted = errand.every(every_s, task_queue)
    return await _ensure(client, schedule_id, wanted, "orphaned holds are not closed")


async def _ensure(client: Client, schedule_id: str, wanted: Schedule, without: str) -> bool:
    """Create or update a schedule; `without` says what does not happen when there can be none."""
    try:
        try:
            await client.create_schedule(schedule_id, wanted, rpc_timeout=RPC_TIMEOUT)
        except ScheduleAlreadyRunningError:
            await _update(client, schedule_id, wanted)
    except (RPCError, Unavailable, RuntimeError) as error:  # RuntimeError: the SDK could not connect
        _log.warning("%s by schedule: Temporal refused it (%s)", without, type(error).__name__)
        return False
    return True


async def _update(client: Client, schedule_id: str, wanted: Schedule) -> None:
    async def take(now: ScheduleUpdateInput) -> ScheduleUpdate:
        wanted.state = now.description.schedule.state  # whoever paused it wants it paused
        return ScheduleUpdate(schedule=wanted)

    await client.get_schedule_handle(schedule_id).update(take, rpc_timeout=RPC_TIMEOUT)
