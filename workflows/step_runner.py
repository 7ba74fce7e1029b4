"""The one step runner: rounds of execute and evaluate until the result passes or retries are spent.

It runs inline in the request's workflow or inside a StepWorkflow; it knows of neither.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from contracts.calls import Evaluated, EvaluateInput, Executed, ExecuteInput, StepLaunch, Work
from contracts.policies import COORDINATOR_TIMEOUT_S, model_work
from contracts.ports import Evaluating, Execution, Tooling
from contracts.tools import CallToolInput
from domain.content import Text
from domain.evaluation import Evaluation, undecided
from domain.events import Event, EventType
from domain.outcomes import wants_retry
from domain.step import StepKind, StepResult, StepStatus
from workflows.failures import cause_of

Input = TypeVar("Input", bound=Work)
Output = TypeVar("Output")

TIMEOUT_MARGIN_S = 10.0
"""The activity ends a model call at the step's time-out itself; Temporal's own bound is the backstop."""


LOOK_UP_MARGIN_S = 30.0
"""What a tool step may take beyond its own time to find out what became of an earlier try."""


class StepRunner:
    """Runs one launch of a generate or tool step. `halt` ends it early; what it has cost is known all the same."""

    def __init__(self, launch: StepLaunch) -> None:
        self._launch = launch
        self._halted = False
        self._handle: workflow.ActivityHandle[Any] | None = None
        self._spent = 0
        self._text: Text | None = None

    def halt(self) -> None:
        """Stop as soon as the running activity has settled."""
        self._halted = True
        if self._handle is not None:
            self._handle.cancel()

    async def run(self) -> StepResult:
        """Run rounds until one passes, retries are spent, or a halt."""
        feedback: str | None = None
        attempt = 1
        while True:
            executed = await self._execute(attempt, feedback)
            self._text = executed.text or self._text
            if executed.hold is not None:
                return self._result(StepStatus.FAILED, None, attempt).model_copy(update={"hold": executed.hold})
            evaluation = await self._judge(attempt, executed)
            if evaluation is None:
                return self._result(StepStatus.CANCELLED, None, attempt)
            if evaluation.success:
                result = self._result(StepStatus.SUCCEEDED, evaluation, attempt)
                return result.model_copy(update={"recorded": True}) if executed.recorded else result
            answered = self._launch.step.kind is StepKind.TOOL or executed.error_code in (None, "timeout")
            if not answered or not wants_retry(evaluation, attempt, self._launch.step):
                return self._result(StepStatus.ACCEPTED if self._text else StepStatus.FAILED, evaluation, attempt)
            feedback = evaluation.reason
            attempt += 1

    async def _judge(self, attempt: int, executed: Executed) -> Evaluation | None:
        """Return the round's evaluation, by a model where no rule has decided; None: the launch was halted."""
        evaluation = executed.evaluation
        if evaluation is None and not self._is_halted():
            evaluation = await self._evaluate(attempt, executed)
        return None if self._is_halted() else evaluation

    def _is_halted(self) -> bool:
        return self._halted

    def _result(self, status: StepStatus, evaluation: Evaluation | None, rounds: int) -> StepResult:
        failed = evaluation is not None and not evaluation.success
        return StepResult(
            status=status,
            text=self._text,
            evaluation=evaluation,
            note=evaluation.reason if evaluation and failed else None,
            cost_micros=self._spent,
            rounds=rounds,
        )

    async def _execute(self, attempt: int, feedback: str | None) -> Executed:
        step = self._launch.step
        timeout_s = step.timeout_s + TIMEOUT_MARGIN_S
        executed: Executed
        try:
            if step.kind is StepKind.TOOL:
                work = self._tool_work(attempt)
                executed = await self._call(Tooling.call_tool, work, step.id, timeout_s + LOOK_UP_MARGIN_S)
            else:
                executed = await self._call(
                    Execution.execute_step, self._model_work(attempt, feedback), step.id, timeout_s
                )
        except ActivityError as error:
            executed = self._failed(error)
        self._spent += executed.cost_micros
        return executed

    def _model_work(self, attempt: int, feedback: str | None) -> ExecuteInput:
        launch = self._launch
        return ExecuteInput(
            facts=launch.facts,
            events=(self._started(attempt, feedback),),
            round=launch.first_round + attempt - 1,
            grant_micros=self._grant_left(),
            step=launch.step,
            inputs=launch.inputs,
            language=launch.language,
            feedback=feedback,
            with_message=launch.with_message,
        )

    def _tool_work(self, attempt: int) -> CallToolInput:
        launch = self._launch
        if launch.call is None:
            raise ApplicationError("a tool step has no call", non_retryable=True)
        return CallToolInput(
            facts=launch.facts,
            events=(self._started(attempt, None),),
            round=launch.first_round + attempt - 1,
            step=launch.step,
            call=launch.call,
            launch=launch.launch,
            last_round=attempt > launch.step.max_retries,
            again=launch.again,
        )

    def _failed(self, error: ActivityError) -> Executed:
        """Make a round of a failure. Where the failure does not say what it used, that is all that was granted."""
        code, text, cost = cause_of(error)
        if cost is None:
            cost = 0 if self._halted else self._grant_left() or 0
        return Executed(
            evaluation=Evaluation(success=False, reason=text),
            error=text,
            error_code=code,
            cost_micros=cost,
        )

    async def _evaluate(self, attempt: int, executed: Executed) -> Evaluation:
        launch = self._launch
        work = EvaluateInput(
            facts=launch.facts,
            round=launch.first_round + attempt - 1,
            grant_micros=self._grant_left(),
            step=launch.step,
            result=executed.text or Text.inline(""),
        )
        try:
            evaluated: Evaluated = await self._call(
                Evaluating.evaluate_step, work, f"{launch.step.id}@evaluate", COORDINATOR_TIMEOUT_S
            )
        except ActivityError as error:
            return undecided(cause_of(error).text)
        self._spent += evaluated.cost_micros
        return evaluated.evaluation

    async def _call(
        self, method: Callable[[Any, Input], Awaitable[Output]], work: Input, slot: str, timeout_s: float
    ) -> Output:
        """Run an activity. Its id names the slot, so that a replay in another order of steps is noticed."""
        handle = workflow.start_activity_method(
            method,
            work,
            activity_id=f"{slot}/{work.round}",
            summary=f"{slot} · round {work.round}",
            **model_work(timeout_s),
        )
        self._handle = handle
        if self._halted:
            handle.cancel()
        try:
            return await handle
        finally:
            self._handle = None

    def _grant_left(self) -> int | None:
        grant = self._launch.grant_micros
        return None if grant is None else max(grant - self._spent, 0)

    def _started(self, attempt: int, feedback: str | None) -> Event:
        launch, first = self._launch, attempt == 1
        round_no = launch.first_round + attempt - 1
        data: dict[str, Any] = {"v": 1, "step_id": launch.step.id, "round": round_no}
        if not first:
            data["feedback"] = feedback
        return Event(
            source=f"step/{launch.step.id}",
            source_seq=round_no,
            type=EventType.STEP_STARTED if first else EventType.STEP_RETRIED,
            data=data,
        )
