"""StepWorkflow: one step in a workflow of its own."""

import asyncio

from temporalio import workflow

from contracts.calls import StepLaunch
from contracts.names import STEP_WORKFLOW
from domain.step import StepResult
from workflows.step_runner import StepRunner


@workflow.defn(name=STEP_WORKFLOW)
class StepWorkflow:
    """Runs one launch of a step. A cancellation halts the runner; the result says what it cost."""

    @workflow.init
    def __init__(self, launch: StepLaunch) -> None:
        self._runner = StepRunner(launch)

    @workflow.run
    async def run(self, launch: StepLaunch) -> StepResult:  # noqa: ARG002 - the initializer has taken it
        """Run the step to its end."""
        running = asyncio.create_task(self._runner.run())
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self._runner.halt()
            return await running
