"""Starting what the API may not do itself: reading tool servers, signing in, telling requests of changed rules."""

import asyncio
import contextlib
import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.parts import Parts
from api.temporal_calls import PATIENCE_S, RPC_TIMEOUT, answering
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from contracts.tools import (
    FREE_GATES,
    REFRESH_TOOLS,
    SIGN_IN,
    FreeGates,
    RefreshedServer,
    RefreshedTools,
    RefreshTools,
    SignIn,
)
from domain.errors import Unavailable
from services.tools.admin import SignInView

WAIT_S: Final = 10.0
POLL_S: Final = 0.2
RUN_LIMIT: Final = timedelta(minutes=30)
GATES_LIMIT: Final = timedelta(hours=6)
"""Over all runs."""

_FREE_GATES_ID: Final = "tools/free-gates"

_log = logging.getLogger(__name__)
T = TypeVar("T")


async def refresh(parts: Parts, server_id: str) -> RefreshedServer | None:
    """Have a server's lists read, or join the refresh that runs; None: it takes longer than 10 s.

    Raises:
        Unavailable: Temporal does not answer.
    """
    handle = await _start_refresh(parts, server_id)
    found: RefreshedTools | None = None
    async with answering(WAIT_S + PATIENCE_S):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                found = await _result(handle)
    return next((each for each in found.servers if each.server == server_id), None) if found else None


async def refresh_soon(parts: Parts, server_id: str) -> None:
    """Have a server's lists read when that is possible; else the schedule does it later."""
    try:
        await _start_refresh(parts, server_id)
    except Unavailable:
        _log.warning("the refresh of a changed tool server waits for the schedule: Temporal does not answer")


async def _start_refresh(parts: Parts, server_id: str) -> WorkflowHandle[Any, RefreshedTools]:
    async with answering():
        return await parts.temporal.start_workflow(
            REFRESH_TOOLS,
            RefreshTools(server=server_id),
            id=f"tools/refresh/{server_id}",
            task_queue=parts.deployment.task_queue,
            result_type=RefreshedTools,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            run_timeout=RUN_LIMIT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"refresh of tool server {server_id}",
            rpc_timeout=RPC_TIMEOUT,
        )


async def _result(handle: WorkflowHandle[Any, RefreshedTools]) -> RefreshedTools | None:
    try:
        return await handle.result()
    except WorkflowFailureError:
        return None


async def sign_in(
    parts: Parts, server_id: str, owner: str, pending: Callable[[], Awaitable[SignInView | None]]
) -> SignInView | None:
    """Begin a sign-in, or join the one that runs for this owner, and wait for its page; None: not within 10 s.

    Raises:
        Unavailable: Temporal does not answer.
    """
    number = hashlib.sha256(owner.encode()).hexdigest()[:12]  # one at a time an owner, and no owner in an id
    async with answering():
        await parts.temporal.start_workflow(
            SIGN_IN,
            SignIn(server=server_id, owner=owner, state=secrets.token_hex(8)),
            id=f"tools/sign-in/{server_id}/{number}",
            task_queue=parts.deployment.task_queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            run_timeout=RUN_LIMIT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"sign-in at tool server {server_id}",
            rpc_timeout=RPC_TIMEOUT,
        )
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WAIT_S):
            return await _until(pending)
    return None


async def _until(ask: Callable[[], Awaitable[T | None]]) -> T:
    while (found := await ask()) is None:
        await asyncio.sleep(POLL_S)
    return found


async def tell_gates(parts: Parts) -> bool:
    """Have every open approval of a tool call judged again; False: Temporal does not answer.

    A newer change of the rules starts over, so that no request is judged by rules that were changed since.
    """
    try:
        async with answering():
            await parts.temporal.start_workflow(
                FREE_GATES,
                FreeGates(),
                id=_FREE_GATES_ID,
                task_queue=parts.deployment.task_queue,
                task_timeout=WORKFLOW_TASK_TIMEOUT,
                execution_timeout=GATES_LIMIT,
                id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary="open approvals are judged by the changed rules",
                rpc_timeout=RPC_TIMEOUT,
            )
    except Unavailable:
        _log.warning("the rules have changed, but Temporal does not answer: open approvals were not told")
        return False
    return True
