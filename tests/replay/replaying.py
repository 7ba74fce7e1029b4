"""Replaying a history with the workflows as they are, in the worker's own sandbox and with its data converter."""

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowRunner

from composition.workers import sandbox
from runtime.temporal import DATA_CONVERTER
from workflows.registry import WORKFLOWS


async def failure(history: WorkflowHistory, runner: WorkflowRunner | None = None) -> Exception | None:
    """Replay a history; return what is wrong with it for these workflows, None when it fits."""
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=runner or sandbox(),
        data_converter=DATA_CONVERTER,
    )
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return result.replay_failure
