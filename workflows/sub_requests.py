"""Sub-requests: a step that is a request of its own, with its own id, plan, log and end.

The child is abandoned on purpose: it outlives a continue-as-new of its parent, and tells its end by a signal.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

from contracts.calls import RequestFacts
from contracts.messages import CANCEL
from contracts.names import REQUEST_WORKFLOW, RequestInput, search_attributes
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from domain import ids
from domain.content import Text
from domain.events import EventType
from domain.request import Outcome, ParentStep, Phase
from domain.step import Step, StepResult, StepStatus
from workflows.failures import cause_of
from workflows.shell import Shell

KIND = "sub-request"


class SubRequest:
    """One launch of a request step."""

    def __init__(self, shell: Shell, step: Step, key: str, grant_micros: int | None, inputs: dict[str, Text]) -> None:
        self._shell = shell
        self._step = step
        self._key = key
        self._grant = grant_micros
        self._inputs = inputs
        self._halted = False
        self._lost: str | None = None

    def halt(self) -> None:
        """Ask the sub-request to cancel; its end comes by signal, with what it has cost."""
        self._halted = True

    async def run(self) -> StepResult:
        """Start the sub-request, unless it runs since before a continue-as-new, and wait for its end."""
        state = self._shell.state
        if self._key not in state.children:
            await self._start()
        try:
            await workflow.wait_condition(self._is_over, timeout=self._step.timeout_s, timeout_summary=self._step.id)
        except TimeoutError:
            self._halted = True
        if self._halted and self._key not in state.child_outcomes and self._lost is None:
            await self._cancel_child()
        return self._result()

    def _is_over(self) -> bool:
        return self._halted or self._lost is not None or self._key in self._shell.state.child_outcomes

    async def _start(self) -> None:
        state = self._shell.state
        child_id = ids.request_id(int(workflow.now().timestamp() * 1000), workflow.random().getrandbits(80))
        state.children[self._key] = child_id
        facts = self._facts(child_id)
        handle = await workflow.start_child_workflow(
            REQUEST_WORKFLOW,
            RequestInput(
                facts=facts,
                caps=self._shell.request.caps,
                placement=self._shell.request.placement,
                search_attributes=self._shell.request.search_attributes,
            ),
            id=child_id,
            result_type=Outcome,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            search_attributes=search_attributes(facts, KIND) if self._shell.request.search_attributes else None,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            static_summary=f"{self._step.id} · sub-request",
        )
        handle.add_done_callback(self._child_closed)
        run = state.runs[self._step.id]
        first_round = run.next_round - 1 - self._step.max_retries
        state.emit(EventType.STEP_STARTED, step_id=self._step.id, round=first_round, child=child_id)
        self._shell.wake()

    def _child_closed(self, handle: "workflow.ChildWorkflowHandle[object, Outcome]") -> None:
        """Notice a child that ended without a word, terminated by an operator for example."""
        error = None if handle.cancelled() else handle.exception()
        if isinstance(error, FailureError):
            self._lost = cause_of(error).text
        self._shell.wake()

    def _facts(self, child_id: str) -> RequestFacts:
        facts, step = self._shell.facts, self._step
        options = facts.options.model_copy(
            update={
                "model": step.model or facts.options.model,
                "budget_micros": self._grant,
                "deadline_s": step.timeout_s,
            }
        )
        launch = int(self._key.rpartition("/")[2])
        return RequestFacts(
            request_id=child_id,
            owner=facts.owner,
            user_id=facts.user_id,
            message=step.prompt,
            options=options,
            parent=ParentStep(request_id=facts.request_id, step_id=step.id, launch=launch),
            depth=facts.depth + 1,
            inputs=self._inputs,
            held=facts.held,
        )

    async def _cancel_child(self) -> None:
        """Cancel the child and give it a little time to say what it has cost."""
        child = workflow.get_external_workflow_handle(self._shell.state.children[self._key])
        try:
            await child.signal(CANCEL, {"reason": "the parent request does not need it any more"})
            await workflow.wait_condition(
                lambda: self._lost is not None or self._key in self._shell.state.child_outcomes,
                timeout=timedelta(seconds=30),
            )
        except (FailureError, TimeoutError):
            return

    def _result(self) -> StepResult:
        outcome = self._shell.state.child_outcomes.pop(self._key, None)
        child_id = self._shell.state.children.pop(self._key)
        if outcome is None:
            note = self._lost or "the sub-request did not end in time"
            return StepResult(status=StepStatus.FAILED, note=note, cost_micros=self._grant or 0)
        self._shell.state.emit(
            EventType.COST, step_id=self._step.id, call_id=child_id, micros=outcome.cost_micros, usage=None, model=None
        )
        status = StepStatus.SUCCEEDED if outcome.phase is Phase.DONE else StepStatus.FAILED
        reason = outcome.detail or outcome.reason
        return StepResult(status=status, text=outcome.answer, note=reason, cost_micros=outcome.cost_micros)
