"""What Temporal knows of a workflow, for activities that must not take the living for the dead."""

from datetime import timedelta
from typing import Final

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import Unavailable

ASK_WITHIN: Final = timedelta(seconds=5)


async def standing(workflow_id: str) -> WorkflowExecutionStatus | None:
    """Return how a workflow stands; None: Temporal knows of none, or no more.

    Raises:
        Unavailable: Temporal does not answer.
    """
    try:
        found = await activity.client().get_workflow_handle(workflow_id).describe(rpc_timeout=ASK_WITHIN)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise Unavailable("Temporal does not answer") from None
    return found.status


async def is_running(workflow_id: str) -> bool:
    """Whether a workflow runs. Raises Unavailable, as `standing`."""
    return await standing(workflow_id) is WorkflowExecutionStatus.RUNNING


async def is_known(workflow_id: str) -> bool:
    """Whether Temporal knows a workflow, running or ended. Raises Unavailable, as `standing`."""
    return await standing(workflow_id) is not None
