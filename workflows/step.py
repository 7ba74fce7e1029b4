"""StepWorkflow: one step, or one call of the gateway, in a workflow of its own."""

import asyncio

from temporalio import workflow

from contracts.calls import StepLaunch
from contracts.gateway import CallLaunch, CallMade
from contracts.names import STEP_WORKFLOW
from domain.step import StepResult
from workflows.call_runner import CallRunner
from workflows.step_runner import StepRunner


@workflow.defn(name=STEP_WORKFLOW)
class StepWorkflow:
    """Runs one launch of a step, or one gateway call. A cancellation halts it; the result says what it cost."""

    @workflow.init
    def __init__(self, launch: StepLaunch | CallLaunch) -> None:
        self._runner = CallRunner(launch) if isinstance(launch, CallLaunch) else StepRunner(launch)

    @workflow.run
    async def run(self, launch: StepLaunch | CallLaunch) -> StepResult | CallMade:  # noqa: ARG002  __init__ has taken it
        """Run to the end."""
        running: asyncio.Task[StepResult | CallMade] = asyncio.create_task(self._run())
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self._runner.halt()
            return await running

    async def _run(self) -> StepResult | CallMade:
        return await self._runner.run()
