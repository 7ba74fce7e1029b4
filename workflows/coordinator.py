"""The coordinator: understand the request, ask when it is unclear, plan, get the plan admitted and approved, replan."""

from datetime import timedelta

from temporalio import workflow

from contracts.calls import DraftPlan, MakePlanInput, Prepared, PrepareInput
from contracts.ports import Planning
from domain import admission
from domain.content import Text
from domain.documents import Clarification, StepSummary, Understanding
from domain.errors import Problem
from domain.events import EventType
from domain.outcomes import begin_plan, replan_done, replan_failed, replan_steps, stop
from domain.plan import Plan
from domain.request import Phase, ProcessedInput, Question
from domain.run_state import Stop
from domain.step import Step, StepKind
from workflows.binding import bind_tools
from workflows.people import approve_plan, ask
from workflows.shell import Shell

ANSWER_STEP = "answer"
"""The id of the one step of a request that needs no plan."""

_AMENDED_MEANWHILE = (
    Problem(code="stale_version", path="", message="the plan was amended while this draft was written"),
)


class Coordinator:
    """Brings a request from its message to an admitted plan, and from a failed plan to the next version."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def plan(self) -> None:
        """Give the state its first plan, or stop the request."""
        seed = self._shell.request.seed
        if seed is not None:
            self._understood(seed.understanding)
            plan = await self._bound(seed.plan)
            if plan is None:
                return
            begin_plan(self._shell.state, plan, dict(seed.results))
        else:
            prepared = await self._understand()
            if prepared is None:
                return
            steps = await self._admitted_steps(prepared)
            if steps is None:
                return
            begin_plan(self._shell.state, Plan(steps=steps, origin="rule" if prepared.draft is None else "planner"))
        await self._approve_first()

    async def _bound(self, plan: Plan) -> Plan | None:
        """Give a seed's tool steps their pins; None: the request is stopped, for they cannot be had."""
        if all(step.pin is not None for step in plan.steps if step.kind is StepKind.TOOL):
            return plan
        bound = await bind_tools(self._shell, plan.steps)
        if not bound.problems:
            return plan.model_copy(update={"steps": bound.steps})
        self._shell.state.emit(EventType.PLAN_REFUSED, problems=bound.problems, attempt=1)
        self._refuse_plan(bound.problems)
        return None

    def _refuse_plan(self, problems: tuple[Problem, ...]) -> None:
        detail = "; ".join(problem.message for problem in problems[:3])
        stop(self._shell.state, Stop(phase=Phase.FAILED, reason="plan_refused", detail=detail))

    async def replan(self) -> None:
        """Answer a due replan: the next version, or go on with the plan there is."""
        shell, state = self._shell, self._shell.state
        await shell.flush()
        problems: tuple[Problem, ...] = ()
        for _ in range(1 + shell.request.caps.max_repairs):
            before = state.plan
            draft = await self._draft(self._replan_input(problems))
            if draft is None or state.due_replan is None or state.plan is None:
                return
            steps = replan_steps(state, state.plan, draft.steps)
            problems = draft.problems or self._admit(steps) if state.plan is before else _AMENDED_MEANWHILE
            if not problems:
                await self._go_on_with(steps)
                return
            state.emit(EventType.PLAN_REFUSED, problems=problems, attempt=state.rounds.get("@plan", 0))
        replan_failed(state)

    async def _go_on_with(self, steps: tuple[Step, ...]) -> None:
        state = self._shell.state
        before = state.plan.version if state.plan else 0
        decision = await approve_plan(self._shell, before + 1)
        if state.due_replan is None:
            return
        if decision == "approve" and state.plan is not None and state.plan.version == before:
            replan_done(state, steps)
        else:
            replan_failed(state)

    async def _understand(self) -> Prepared | None:
        """Understand the message; ask once when it is unclear, then go on with the reply or the assumption."""
        shell, state = self._shell, self._shell.state
        state.enter(Phase.UNDERSTANDING)
        prepared = await self._prepare(None)
        if prepared is not None and not prepared.understanding.clear and prepared.understanding.question is not None:
            clarification = await self._clarify(prepared.understanding.question, prepared.understanding.assumption)
            prepared = None if shell.stopped else await self._prepare(clarification)
        if prepared is None:
            return None
        self._understood(prepared.understanding)
        return prepared

    def _understood(self, understanding: Understanding) -> None:
        self._shell.state.understanding = understanding
        processed = ProcessedInput.of(understanding)
        self._shell.state.emit(EventType.REQUEST_UNDERSTOOD, processed_input=processed, language=understanding.language)

    async def _prepare(self, clarification: Clarification | None) -> Prepared | None:
        shell, state = self._shell, self._shell.state
        work = PrepareInput(
            facts=shell.facts,
            round=state.next_round("@understand"),
            grant_micros=state.remaining_micros(),
            clarification=clarification,
            kinds=self._kinds(),
            max_steps=shell.request.caps.max_steps,
        )
        prepared = await shell.coordinate(Planning.prepare, work, "understand and plan")
        if prepared is not None:
            state.spent_micros += prepared.cost_micros
            state.rounds["@plan"] = work.round
        return prepared

    async def _clarify(self, question: str, assumption: str | None) -> Clarification:
        shell = self._shell
        expires = workflow.now() + timedelta(seconds=shell.facts.options.question_timeout_s)
        shell.state.enter(Phase.ASKING)
        reply = await ask(
            shell,
            Question(id="q_1", text=Text.inline(question), default=assumption, expires_at=expires),
        )
        if not shell.stopped:
            shell.state.enter(Phase.UNDERSTANDING)
        return Clarification(question=question, reply=reply if reply is not None else assumption)

    async def _admitted_steps(self, prepared: Prepared) -> tuple[Step, ...] | None:
        """Return the draft's steps once they are admitted; at most two repairs, then the request fails."""
        shell, state = self._shell, self._shell.state
        if prepared.understanding.simple:
            return (Step(id=ANSWER_STEP, prompt=shell.facts.message),)
        state.enter(Phase.PLANNING)
        draft: DraftPlan | None = prepared.draft
        problems: tuple[Problem, ...] = ()
        for attempt in range(1 + shell.request.caps.max_repairs):
            if attempt or draft is None:
                draft = await self._draft(self._repair_input(prepared, problems))
            if draft is None:
                return None
            problems = draft.problems or self._admit(draft.steps)
            if not problems:
                return draft.steps
            state.emit(EventType.PLAN_REFUSED, problems=problems, attempt=attempt + 1)
        self._refuse_plan(problems)
        return None

    async def _draft(self, work: MakePlanInput) -> DraftPlan | None:
        made = await self._shell.coordinate(Planning.make_plan, work, "plan")
        if made is None:
            return None
        self._shell.state.spent_micros += made.cost_micros
        return made.draft

    def _admit(self, steps: tuple[Step, ...]) -> tuple[Problem, ...]:
        return admission.admit(steps, self._shell.request.caps, self._shell.state.depth)

    def _repair_input(self, prepared: Prepared, problems: tuple[Problem, ...]) -> MakePlanInput:
        shell, state = self._shell, self._shell.state
        return MakePlanInput(
            facts=shell.facts,
            round=state.next_round("@plan"),
            grant_micros=state.remaining_micros(),
            understanding=prepared.understanding,
            kinds=self._kinds(),
            max_steps=shell.request.caps.max_steps,
            problems=problems,
        )

    def _replan_input(self, problems: tuple[Problem, ...]) -> MakePlanInput:
        state = self._shell.state
        if state.understanding is None or state.plan is None or state.due_replan is None:
            raise ValueError("a replan needs an understanding, a plan and a reason")
        ended = [step for step in state.plan.steps if state.runs[step.id].status.is_end]
        base = self._repair_input(Prepared(understanding=state.understanding), problems)
        return base.model_copy(
            update={
                "max_steps": max(base.max_steps - len(ended), 1),
                "steps": state.plan.steps,
                "summaries": tuple(self._summary(step) for step in state.plan.steps),
                "results": {s.id: r for s in ended if (r := state.runs[s.id].result) is not None},
                "failure": f"{state.due_replan.step_id}: {state.due_replan.reason}",
            }
        )

    def _summary(self, step: Step) -> StepSummary:
        run = self._shell.state.runs[step.id]
        prompt = (step.prompt.text or "")[:500]
        return StepSummary(id=step.id, kind=step.kind.value, prompt=prompt, status=run.status.value, note=run.note)

    def _kinds(self) -> tuple[str, ...]:
        kinds = admission.allowed_kinds(self._shell.state.depth, self._shell.request.caps)
        return tuple(kind.value for kind in kinds)

    async def _approve_first(self) -> None:
        state = self._shell.state
        decision = await approve_plan(self._shell, state.plan.version if state.plan else 1)
        if decision == "deny":
            stop(state, Stop(phase=Phase.CANCELLED, reason="approval_denied"))
        elif decision == "expired":
            stop(state, Stop(phase=Phase.FAILED, reason="approval_expired"))
