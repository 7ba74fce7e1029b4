"""The life of a request: plan, run the plan, answer, end. Each part can be stopped; the ending is always reached."""

import asyncio
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

from contracts.calls import CheckConditionInput, StepEnd, SynthesizeInput
from contracts.messages import CHILD_FINISHED, ChildFinished
from contracts.policies import DATABASE_WORK
from contracts.ports import Answering, Recording
from domain.answers import only_result
from domain.events import EventType
from domain.outcomes import conclude, stop
from domain.request import Outcome, Phase
from domain.run_state import Stop
from domain.scheduling import next_moves
from domain.step import Step
from workflows.coordinator import Coordinator
from workflows.failures import cause_of
from workflows.launches import Launches
from workflows.shell import Shell


class Life:
    """One run of a request's workflow. `live` returns the outcome, or None to continue as new."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._launches = Launches(shell)
        self._coordinator = Coordinator(shell)
        self._checking: dict[str, asyncio.Task[None]] = {}

    async def live(self) -> Outcome | None:
        """Bring the request to its end; whatever goes wrong on the way becomes a reason, told plainly."""
        state = self._shell.state
        watching = asyncio.create_task(self._watch_deadline())
        try:
            if state.plan is None:
                await self._coordinator.plan()
            elif not state.phase.is_end:
                self._launches.reattach()
            if await self._run_plan():
                return None
        except FailureError as error:
            failure = cause_of(error)
            stop(state, Stop(phase=Phase.FAILED, reason=failure.code, detail=failure.text))
        except Exception as error:  # noqa: BLE001 - a defect of ours ends the request with a reason and stalls nothing
            workflow.logger.exception("unexpected error in a request")
            stop(state, Stop(phase=Phase.FAILED, reason="internal", detail=type(error).__name__))
        outcome = await self._end()
        watching.cancel()
        return outcome

    async def _watch_deadline(self) -> None:
        """Stop the request at its deadline, which an amendment may move."""
        state = self._shell.state
        while not state.phase.is_end:
            deadline = state.deadline_at
            if not await self._deadline_moved(deadline):
                stop(state, Stop(phase=Phase.FAILED, reason="deadline_exceeded"))
                self._shell.wake()
                return

    async def _deadline_moved(self, deadline: datetime | None) -> bool:
        """Wait until the deadline is another than `deadline`; False: it has come."""
        left = None if deadline is None else max((deadline - workflow.now()).total_seconds(), 0.001)
        try:
            await workflow.wait_condition(
                lambda: self._shell.state.deadline_at != deadline, timeout=left, timeout_summary="deadline"
            )
        except TimeoutError:
            return False
        return True

    async def _run_plan(self) -> bool:
        """Run the plan until nothing is left to do. Returns whether to continue as new."""
        shell, state = self._shell, self._shell.state
        while state.plan is not None and not shell.stopped:
            shell.changed = False
            if self._should_roll_over():
                if not self._launches.open_work and not self._checking:
                    await shell.flush()
                    return not shell.stopped
            elif state.due_replan is not None:
                state.enter(Phase.PLANNING)
                await self._coordinator.replan()
                continue
            elif self._start_moves():
                break
            self._launches.reconcile()
            await shell.flush()
            await workflow.wait_condition(lambda: shell.changed or shell.stopped)
        return False

    def _start_moves(self) -> bool:
        """Start what may start; returns whether the plan is done."""
        moves = next_moves(self._shell.state, self._shell.request.caps)
        if moves.finished:
            return True
        if not self._shell.state.paused:
            self._shell.state.enter(Phase.RUNNING)
        for check in moves.checks:
            if check.step.id not in self._checking:
                self._checking[check.step.id] = asyncio.create_task(self._check(check.step))
        for launch in moves.launches:
            self._launches.start(launch)
        return False

    async def _check(self, step: Step) -> None:
        """Let an activity evaluate a condition whose results are not inline."""
        state = self._shell.state
        runs = {name: state.runs[name] for name in state.runs}
        work = CheckConditionInput(
            condition=step.condition or "",
            statuses={name: run.status for name, run in runs.items()},
            results={name: run.result for name, run in runs.items() if run.status.has_result and run.result},
        )
        version = state.plan.version if state.plan else 0
        try:
            holds = await workflow.execute_local_activity_method(
                Recording.check_condition, work, summary=f"{step.id} · condition", **DATABASE_WORK
            )
        except FailureError:
            holds = False
        self._checking.pop(step.id, None)
        if state.plan is not None and state.plan.version == version:
            state.checked[step.id] = holds
        self._shell.wake()

    def _should_roll_over(self) -> bool:
        after = self._shell.request.rollover_after_steps
        forced = after is not None and self._launches.settled >= after
        return forced or workflow.info().is_continue_as_new_suggested()

    async def _end(self) -> Outcome:
        """Settle what is open, write the answer, record the end, tell the parent."""
        shell, state = self._shell, self._shell.state
        state.closing = True
        self._launches.reconcile()
        await workflow.wait_condition(lambda: self._launches.all_settled)
        if not shell.stopped:
            await self._answer()
        outcome = conclude(state)
        state.enter(outcome.phase)
        state.emit(EventType.REQUEST_FINISHED, outcome=outcome)
        await shell.flush()
        await self._tell_parent(outcome)
        return outcome

    async def _answer(self) -> None:
        """Write the answer: the single step's result as it is, else a synthesis."""
        shell, state = self._shell, self._shell.state
        if state.plan is None or not any(run.status.has_result for run in state.runs.values()):
            return
        single = only_result(state.plan, state.runs)
        if single is not None:
            state.answer = state.runs[single.id].result
            return
        state.enter(Phase.SYNTHESIZING)
        work = SynthesizeInput(
            facts=shell.facts,
            round=state.next_round("@synthesize"),
            grant_micros=state.remaining_micros(),
            language=state.understanding.language if state.understanding else "en",
            ends=tuple(self._end_of(step) for step in state.plan.steps),
        )
        try:
            written = await shell.coordinate(Answering.synthesize, work, "synthesize")
        except ActivityError as error:
            failure = cause_of(error)
            stop(state, Stop(phase=Phase.FAILED, reason=failure.code, detail=failure.text))
            return
        if written is not None:
            state.spent_micros += written.cost_micros
            state.answer = written.answer

    def _end_of(self, step: Step) -> StepEnd:
        run = self._shell.state.runs[step.id]
        text = run.result if run.status.has_result else None
        return StepEnd(id=step.id, prompt=step.prompt, status=run.status, text=text, note=run.note)

    async def _tell_parent(self, outcome: Outcome) -> None:
        parent = self._shell.facts.parent
        if parent is None:
            return
        handle = workflow.get_external_workflow_handle(parent.request_id)
        try:
            await handle.signal(CHILD_FINISHED, ChildFinished(parent=parent, outcome=outcome))
        except FailureError:
            workflow.logger.info("the parent request has ended before its sub-request")
