"""From a server's word that its lists have changed to the workflow that reads them again."""

import asyncio
import logging
from datetime import timedelta
from typing import Literal

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from contracts.policies import WORKFLOW_TASK_TIMEOUT
from contracts.tools import REFRESH_TOOLS, RefreshTools

PAUSE_S = 2.0
"""How long words of one server are gathered: some say ten thousand times that their lists have changed."""
RUN_LIMIT = timedelta(minutes=30)
_RPC_TIMEOUT = timedelta(seconds=5)

_log = logging.getLogger(__name__)


class RefreshOnChange:
    """Starts a refresh for each server that it is told of, a moment later; further words within it add nothing.

    Until `client` is set nobody is told: what runs by schedule reads the lists anyway.
    """

    def __init__(self, task_queue: str, pause_s: float = PAUSE_S) -> None:
        self._task_queue = task_queue
        self._pause_s = pause_s
        self._starting: dict[str, asyncio.Task[None]] = {}
        self.client: Client | None = None

    def __call__(self, server_id: str) -> None:
        """Note that a server's lists have changed."""
        if self.client is None or server_id in self._starting:
            return
        task = asyncio.create_task(self._soon(self.client, server_id))
        self._starting[server_id] = task
        task.add_done_callback(lambda _: self._starting.pop(server_id, None))

    async def _soon(self, client: Client, server_id: str) -> None:
        await asyncio.sleep(self._pause_s)
        await self.start(client, server_id, "event")

    async def start(self, client: Client, server_id: str | None, reason: Literal["event", "hand"]) -> None:
        """Start a refresh of one server, or of all, unless one runs already; without Temporal there is none."""
        try:
            await client.start_workflow(
                REFRESH_TOOLS,
                RefreshTools(server=server_id, reason=reason),
                id="tools/refresh" if server_id is None else f"tools/refresh/{server_id}",
                task_queue=self._task_queue,
                task_timeout=WORKFLOW_TASK_TIMEOUT,
                execution_timeout=RUN_LIMIT,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                rpc_timeout=_RPC_TIMEOUT,
            )
        except (RPCError, RuntimeError) as error:
            _log.warning("tool servers are not refreshed now: %s", type(error).__name__)
