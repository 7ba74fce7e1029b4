"""RequestWorkflow: a request from its start to exactly one end."""

import asyncio
from datetime import timedelta

from pydantic import JsonValue
from temporalio import workflow

from contracts import messages as m
from contracts.names import PHASE, REQUEST_WORKFLOW, RequestInput
from domain.events import EventType
from domain.outcomes import stop
from domain.progress import Progress, details, progress
from domain.request import Outcome, Phase
from domain.run_state import RunState, Stop
from workflows.handlers import MessageHandlers
from workflows.inbox import Inbox
from workflows.life import Life
from workflows.shell import Shell


def _first_state(request: RequestInput) -> RunState:
    """Return the state to go on with. A request without a row is accepted before any message can say a word."""
    if request.carried is not None:
        return request.carried
    facts, now = request.facts, workflow.now()
    deadline_s = facts.options.deadline_s
    state = RunState(
        started_at=now,
        depth=facts.depth,
        budget_micros=facts.options.budget_micros,
        deadline_at=None if deadline_s is None else now + timedelta(seconds=deadline_s),
        model=facts.options.model,
    )
    if not request.accepted:
        state.emit(
            EventType.REQUEST_ACCEPTED,
            message=facts.message,
            owner=facts.owner,
            options=facts.options,
            conversation_id=facts.conversation_id,
            user_id=facts.user_id,
            parent=facts.parent,
            depth=facts.depth,
        )
    return state


@workflow.defn(name=REQUEST_WORKFLOW)
class RequestWorkflow(MessageHandlers):
    """Holds the state, takes messages, answers queries; `workflows.life` brings the request to its end.

    Each message is an update and a signal of the same name, in plain JSON (see `contracts.messages`).
    """

    @workflow.init
    def __init__(self, request: RequestInput) -> None:
        self._shell = Shell(request, _first_state(request), self._show)
        super().__init__(Inbox(self._shell))
        self._life = Life(self._shell)
        self._outcome: Outcome | None = None
        self._shown_phase = workflow.info().typed_search_attributes.get(PHASE)

    @workflow.run
    async def run(self, request: RequestInput) -> Outcome:
        """Bring the request to its end. Temporal's own cancel takes the same path as the message `cancel`."""
        living = asyncio.create_task(self._life.live())
        try:
            self._outcome = await asyncio.shield(living)
        except asyncio.CancelledError:
            stop(self._shell.state, Stop(phase=Phase.CANCELLED, reason="cancelled", detail="cancelled in Temporal"))
            self._shell.wake()
            self._outcome = await living
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._outcome is None:
            workflow.continue_as_new(request.model_copy(update={"carried": self._shell.state}))
        return self._outcome

    def _show(self) -> None:
        """Show the plan in Temporal Web, and the phase to its search."""
        state = self._shell.state
        workflow.set_current_details(details(self._shell.facts.request_id, state))
        shown = state.phase.value
        if self._shell.request.search_attributes and self._shown_phase != shown and shown in _SEARCHED:
            workflow.upsert_search_attributes([PHASE.value_set(shown)])
            self._shown_phase = shown

    @workflow.query(description="Phase, open questions and approvals, refusals, outcome")
    def status(self) -> m.StatusAnswer:
        """Tell where the request stands."""
        state = self._shell.state
        return m.StatusAnswer(
            request_id=self._shell.facts.request_id,
            phase=state.phase,
            paused=state.paused,
            plan_version=state.plan.version if state.plan else None,
            questions=tuple(state.questions.values()),
            approvals=tuple(state.approvals.values()),
            refusals=tuple(state.refusals),
            outcome=self._outcome,
            spent_micros=state.spent_micros,
            budget_micros=state.budget_micros,
        )

    @workflow.query(description="The plan's current version with each step's status")
    def plan(self) -> JsonValue:
        """Tell the plan."""
        state = self._shell.state
        if state.plan is None:
            return None
        runs: JsonValue = {step_id: run.model_dump(mode="json") for step_id, run in state.runs.items()}
        return {**state.plan.model_dump(mode="json"), "runs": runs}

    @workflow.query(description="Counts of steps and the money spent")
    def progress(self) -> Progress:
        """Tell how far the request is."""
        return progress(self._shell.state)

    @workflow.query(description="What each step has cost, what is granted, and the budget")
    def costs(self) -> m.CostsAnswer:
        """Tell the costs."""
        state = self._shell.state
        steps = tuple(
            m.StepCosts(step_id=step_id, cost_micros=run.cost_micros, launches=run.launches)
            for step_id, run in state.runs.items()
        )
        return m.CostsAnswer(
            spent_micros=state.spent_micros,
            budget_micros=state.budget_micros,
            granted_micros=sum(state.grants.values()),
            steps=steps,
        )


_SEARCHED = frozenset(
    phase.value for phase in (Phase.ASKING, Phase.APPROVING, Phase.RUNNING, Phase.DONE, Phase.FAILED, Phase.CANCELLED)
)
"""Phases that people search for; the short ones in between would cost a history event each and be gone at once."""
