"""The launches of a request: each step's work as a task of its own, inline or in a child, and how it is stopped."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from temporalio import workflow
from temporalio.exceptions import FailureError

from contracts.calls import StepLaunch
from contracts.names import STEP_WORKFLOW
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from domain import ids
from domain.content import Text
from domain.outcomes import settle
from domain.placement import runs_as_child
from domain.scheduling import Launch, inputs_of
from domain.step import Step, StepKind, StepResult, StepStatus
from workflows.failures import cause_of
from workflows.people import ask_step
from workflows.shell import Shell
from workflows.step_runner import StepRunner
from workflows.sub_requests import SubRequest
from workflows.tool_step import Running, ToolStep


class Launches:
    """The open launches by (step, launch)."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._open: dict[tuple[str, int], Callable[[], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.settled = 0

    @property
    def open_work(self) -> int:
        """How many launches hold an activity or a child, so that the workflow cannot continue as new."""
        return sum(not self._waits(step_id) for step_id, _ in self._open)

    def _waits(self, step_id: str) -> bool:
        """Whether a launch only waits, for a person or for a sub-request, and can be taken up again by `reattach`."""
        state = self._shell.state
        run = state.runs.get(step_id)
        step = state.plan.by_id().get(step_id) if state.plan else None
        waits_for_person = run is not None and run.status is StepStatus.WAITING
        return waits_for_person or (step is not None and step.kind is StepKind.REQUEST)

    @property
    def all_settled(self) -> bool:
        """Whether nothing is open any more."""
        return not self._open

    def start(self, launch: Launch) -> None:
        """Start a launch as the state says."""
        step, key = launch.step, f"{launch.step.id}/{launch.launch}"
        if step.kind is StepKind.HUMAN:
            self._track(step, launch.launch, ask_step(self._shell, step, launch.launch), self._shell.wake)
        elif step.kind is StepKind.REQUEST:
            sub = SubRequest(self._shell, step, key, launch.grant_micros, launch.inputs)
            self._track(step, launch.launch, sub.run(), sub.halt)
        else:
            work = self._work(self._step_launch(launch))
            self._track(step, launch.launch, work.run(), work.halt)

    def _work(self, launch: StepLaunch) -> Running:
        if launch.step.kind is StepKind.TOOL:
            return ToolStep(self._shell, launch, self._runner)
        return self._runner(launch)

    def _runner(self, launch: StepLaunch) -> Running:
        as_child = runs_as_child(launch.step, self._shell.request.placement)
        return _Child(launch) if as_child else StepRunner(launch)

    def reattach(self) -> None:
        """Take up again, after a continue-as-new, the waits that were open: for people and for sub-requests."""
        state = self._shell.state
        for step in state.plan.steps if state.plan else ():
            run = state.runs[step.id]
            if run.status.is_active:
                grant = state.grants.get(f"{step.id}/{run.launches}")
                first_round = run.next_round - 1 - step.max_retries
                self.start(Launch(step, run.launches, first_round, grant, inputs_of(state, step)))

    def reconcile(self) -> None:
        """Halt every launch that is no longer its step's current one."""
        runs = self._shell.state.runs
        for (step_id, launch), halt in list(self._open.items()):
            run = runs.get(step_id)
            if run is None or run.launches != launch or not run.status.is_active:
                halt()

    def _track(self, step: Step, launch: int, work: Coroutine[Any, Any, StepResult], halt: Callable[[], None]) -> None:
        self._open[step.id, launch] = halt
        task = asyncio.create_task(self._settle(step.id, launch, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, step_id: str, launch: int, work: Coroutine[Any, Any, StepResult]) -> None:
        try:
            result = await work
        except FailureError as error:
            result = StepResult(status=StepStatus.FAILED, note=cause_of(error).text)
        except Exception as error:  # noqa: BLE001 - a defect of ours must end the step with a reason, not leave it open for ever
            workflow.logger.exception("unexpected error in a step")
            result = StepResult(status=StepStatus.FAILED, note=f"internal error: {type(error).__name__}")
        del self._open[step_id, launch]
        self.settled += 1
        settle(self._shell.state, step_id, launch, result, self._shell.request.caps)
        self._shell.wake()

    def _step_launch(self, launch: Launch) -> StepLaunch:
        shell, plan = self._shell, self._shell.state.plan
        simple = plan is not None and plan.origin == "rule"
        facts = shell.facts
        if not simple:
            facts = facts.model_copy(update={"message": Text.inline("")})
        understanding = shell.state.understanding
        return StepLaunch(
            facts=facts,
            step=launch.step,
            inputs=launch.inputs,
            launch=launch.launch,
            first_round=launch.first_round,
            grant_micros=launch.grant_micros,
            language=understanding.language if understanding else "en",
            with_message=simple,
        )


class _Child:
    """A step as a child workflow. A halt cancels the child, which settles and answers."""

    def __init__(self, launch: StepLaunch) -> None:
        self._launch = launch
        self._handle: workflow.ChildWorkflowHandle[Any, StepResult] | None = None
        self._halted = False

    def halt(self) -> None:
        self._halted = True
        if self._handle is not None:
            self._handle.cancel()

    async def run(self) -> StepResult:
        launch, step = self._launch, self._launch.step
        self._handle = await workflow.start_child_workflow(
            STEP_WORKFLOW,
            launch,
            id=ids.step_workflow_id(launch.facts.request_id, step.id, launch.first_round),
            result_type=StepResult,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            static_summary=f"{step.id} · {step.kind.value}",
        )
        if self._halted:
            self._handle.cancel()
        return await self._handle
