"""Workflows that keep the registry of tool servers true: refreshing, signing in, and freeing gates.

A server that cannot be read, and a request that is over, are part of the answer and stop nothing.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, FailureError

from contracts.policies import HEARTBEAT_TIMEOUT, NON_RETRYABLE
from contracts.ports import ToolServers
from contracts.tools import (
    FREE_GATES,
    REFRESH_TOOLS,
    RULES_CHANGED,
    SIGN_IN,
    FreeGates,
    OpenGates,
    RefreshedServer,
    RefreshedTools,
    RefreshTools,
    SignIn,
)

AT_ONCE = 10
"""Servers that one refresh reads at a time."""
PAGES_A_RUN = 20
"""Pages of requests that one run tells; the next run goes on."""

_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=0.5),
    maximum_interval=timedelta(seconds=5),
    maximum_attempts=5,
    non_retryable_error_types=NON_RETRYABLE,
)
_READ_TIMEOUT = timedelta(seconds=150)
"""Two readings of a minute each, a pause, and the writing."""
_SIGN_IN_TIMEOUT = timedelta(seconds=720)
_ERROR_SHOWN = 500


@workflow.defn(name=REFRESH_TOOLS)
class RefreshToolsWorkflow:
    """Reads what servers offer."""

    @workflow.run
    async def run(self, request: RefreshTools) -> RefreshedTools:
        """Refresh one server, or all that are not disabled."""
        chosen = await workflow.execute_activity_method(
            ToolServers.servers_to_refresh,
            request,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=_RETRY,
        )
        turns = asyncio.Semaphore(AT_ONCE)
        found = await asyncio.gather(*(self._refresh(turns, server, request) for server in chosen.servers))
        return RefreshedTools(servers=tuple(found))

    async def _refresh(self, turns: asyncio.Semaphore, server: str, request: RefreshTools) -> RefreshedServer:
        async with turns:
            try:
                return await workflow.execute_activity_method(
                    ToolServers.refresh_server,
                    RefreshTools(server=server, reason=request.reason),
                    start_to_close_timeout=_READ_TIMEOUT,
                    schedule_to_close_timeout=2 * _READ_TIMEOUT,
                    heartbeat_timeout=HEARTBEAT_TIMEOUT,
                    retry_policy=_RETRY,
                    summary=server,
                )
            except ActivityError as error:
                return RefreshedServer(server=server, error=_said(error))


@workflow.defn(name=SIGN_IN)
class SignInWorkflow:
    """Waits for a person to sign in at a server."""

    @workflow.run
    async def run(self, request: SignIn) -> None:
        """Take the person through it. If the process dies, they begin anew: there is a new link then."""
        await workflow.execute_activity_method(
            ToolServers.sign_in,
            request,
            start_to_close_timeout=_SIGN_IN_TIMEOUT,
            schedule_to_close_timeout=2 * _SIGN_IN_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=_RETRY,
            summary=request.server,
        )


@workflow.defn(name=FREE_GATES)
class FreeGatesWorkflow:
    """Tells every request that waits for the approval of a tool call that the rules have changed."""

    @workflow.run
    async def run(self, request: FreeGates) -> None:
        """Go through all of them, page by page."""
        for _ in range(PAGES_A_RUN):
            page = await self._page(request)
            await asyncio.gather(*(_tell(request_id) for request_id in page.request_ids))
            if page.after is None:
                return
            request = FreeGates(after=page.after)
        workflow.continue_as_new(request)

    async def _page(self, request: FreeGates) -> OpenGates:
        return await workflow.execute_activity_method(
            ToolServers.open_gates, request, start_to_close_timeout=timedelta(seconds=10), retry_policy=_RETRY
        )


async def _tell(request_id: str) -> None:
    """Tell one request; whoever is over by now needs to hear nothing."""
    try:
        await workflow.get_external_workflow_handle(request_id).signal(RULES_CHANGED)
    except CancelledError:
        raise
    except FailureError:
        workflow.logger.info("a request could not be told that the rules have changed")


def _said(error: ActivityError) -> str:
    """Return why a server could not be read."""
    cause = error.cause
    return cause.message[:_ERROR_SHOWN] if isinstance(cause, ApplicationError) else "it did not answer in time"
