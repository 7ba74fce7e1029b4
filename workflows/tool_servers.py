"""Workflows that keep the registry of tool servers true: refreshing, signing in, and freeing gates.

A server that cannot be read, and a request that is over, are part of the answer and stop nothing.
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, FailureError

from contracts.policies import READ_SERVER_S, SIGN_IN_S, TABLE_WORK, tool_server_work
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
            **TABLE_WORK,
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
                    summary=server,
                    **tool_server_work(READ_SERVER_S),
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
            summary=request.server,
            **tool_server_work(SIGN_IN_S),
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
        return await workflow.execute_activity_method(ToolServers.open_gates, request, **TABLE_WORK)


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
