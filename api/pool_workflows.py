"""Starting what the API may not do itself: trying an account's credential at its provider."""

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import Any, Final

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.parts import Parts
from api.temporal_calls import PATIENCE_S, RPC_TIMEOUT, answering
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from contracts.pool_checks import CHECK_ACCOUNTS, CheckAccounts, CheckedAccount, CheckedAccounts
from domain.errors import Unavailable
from services.llm.admin import AccountView

WAIT_S: Final = 10.0
RUN_LIMIT: Final = timedelta(minutes=15)

_log = logging.getLogger(__name__)


async def check(parts: Parts, account: AccountView) -> CheckedAccount | None:
    """Have an account's credential tried, or join the check of this revision that runs; None: it takes over 10 s.

    Raises:
        Unavailable: Temporal does not answer.
    """
    handle = await _start(parts, account)
    found: CheckedAccounts | None = None
    async with answering(WAIT_S + PATIENCE_S):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                found = await _result(handle)
    return None if found is None else found.one


async def check_soon(parts: Parts, account: AccountView) -> None:
    """Have a new credential tried when that is possible; else the schedule does it later."""
    try:
        await _start(parts, account)
    except Unavailable:
        _log.warning("the check of a new credential waits for the schedule: Temporal does not answer")


async def _start(parts: Parts, account: AccountView) -> WorkflowHandle[Any, CheckedAccounts]:
    async with answering():
        return await parts.temporal.start_workflow(
            CHECK_ACCOUNTS,
            CheckAccounts(account=account.id),
            id=f"pool/check/{account.id}/{account.revision}",
            task_queue=parts.deployment.task_queue,
            result_type=CheckedAccounts,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            run_timeout=RUN_LIMIT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"check of account {account.id}",
            rpc_timeout=RPC_TIMEOUT,
        )


async def _result(handle: WorkflowHandle[Any, CheckedAccounts]) -> CheckedAccounts | None:
    try:
        return await handle.result()
    except WorkflowFailureError:
        return None
