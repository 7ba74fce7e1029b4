"""What a step's end means for its request: accept, replan, or go on without it; and how the request ends."""

from collections.abc import Mapping
from typing import Literal

from domain.conditions import parse, references
from domain.content import Text
from domain.evaluation import Evaluation
from domain.events import EventType
from domain.plan import Plan, ancestors
from domain.readiness import CONDITION_NOTE
from domain.request import Caps, Outcome, Phase
from domain.run_state import DueReplan, RunState, Stop
from domain.scheduling import emit_finished, end_without_run
from domain.step import Step, StepResult, StepRun, StepStatus


def wants_retry(evaluation: Evaluation, rounds_used: int, step: Step) -> bool:
    """Return whether a step gets another round: the answer did not pass, the plan need not change, retries are left."""
    return not evaluation.success and not evaluation.needs_adjustment and rounds_used <= step.max_retries


def settle(state: RunState, step_id: str, launch: int, result: StepResult, caps: Caps) -> None:
    """Take over the end of a launch: its cost always, its result only if the launch is still the step's current one.

    A duplicate changes nothing; the late end of a launch that an amendment replaced changes no status.
    """
    key = f"{step_id}/{launch}"
    if key not in state.open_launches:
        return
    state.open_launches.remove(key)
    state.spent_micros += result.cost_micros
    state.grants.pop(key, None)
    run = state.runs.get(step_id)
    if run is None:
        return
    run = run.model_copy(update={"cost_micros": run.cost_micros + result.cost_micros})
    if run.launches != launch or not run.status.is_active:
        state.runs[step_id] = run
        return
    state.runs[step_id] = run.model_copy(update=_ending(state, result, caps))
    if _calls_for_replan(state, result, caps):
        state.due_replan = DueReplan(step_id=step_id, reason=result.note or "the step failed")
    if not result.recorded:
        emit_finished(state, step_id, state.runs[step_id])


def _ending(state: RunState, result: StepResult, caps: Caps) -> dict[str, object]:
    status = result.status
    if status is StepStatus.ACCEPTED and _calls_for_replan(state, result, caps):
        status = StepStatus.FAILED
    return {"status": status, "result": result.text, "evaluation": result.evaluation, "note": result.note}


def _calls_for_replan(state: RunState, result: StepResult, caps: Caps) -> bool:
    failed = result.status in (StepStatus.FAILED, StepStatus.ACCEPTED)
    adjust = result.evaluation is not None and result.evaluation.needs_adjustment
    return failed and adjust and state.stop is None and state.due_replan is None and state.replans < caps.max_replans


def begin_plan(state: RunState, plan: Plan, results: dict[str, Text] | None = None) -> None:
    """Take a plan over as the request's first one; steps with a result from a fork's source have succeeded."""
    kept = results or {}
    state.plan = plan
    state.runs = {step.id: StepRun() for step in plan.steps}
    for step_id, text in kept.items():
        reused = {"status": StepStatus.SUCCEEDED, "result": text, "note": "kept from the forked request"}
        state.runs[step_id] = StepRun().model_copy(update=reused)
    state.emit(EventType.PLAN_CREATED, plan=plan, kept=tuple(sorted(kept)), cancelled=[], rerun=[])
    for step_id in sorted(kept):
        emit_finished(state, step_id, state.runs[step_id])


def replan_steps(state: RunState, plan: Plan, draft: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps of the next version: what has ended or is active stays, the draft replaces what is pending."""
    kept = {step.id: step for step in plan.steps if state.runs[step.id].status is not StepStatus.PENDING}
    loose = {step.id: _without_pending(step, kept) for step in kept.values()}
    return (*(_without_lost_condition(step, loose) for step in loose.values()), *draft)


def _without_pending(step: Step, kept: Mapping[str, Step]) -> Step:
    """Cut a kept step (cancelled, or given a result by hand) from steps that the draft may drop."""
    return step.model_copy(update={"depends_on": tuple(name for name in step.depends_on if name in kept)})


def _without_lost_condition(step: Step, kept: Mapping[str, Step]) -> Step:
    """Forget a condition, decided long ago, that reads what the step no longer depends on."""
    if step.condition is None or references(parse(step.condition)) <= ancestors(kept, step.id):
        return step
    return step.model_copy(update={"condition": None})


def replan_done(state: RunState, steps: tuple[Step, ...]) -> None:
    """Go on with another version of the plan."""
    due, plan = state.due_replan, state.plan
    if due is None or plan is None:
        return
    state.replans += 1
    state.due_replan = None
    state.plan = plan.next_version(steps, "replan", due.reason)
    state.runs = state.runs_for(steps)
    state.checked.clear()
    kept = tuple(step.id for step in steps if state.runs[step.id].status is not StepStatus.PENDING)
    state.emit(EventType.PLAN_AMENDED, plan=state.plan, kept=kept, cancelled=[], rerun=[])


def replan_failed(state: RunState) -> None:
    """Go on with the plan there is: a result that was there after all is accepted, and the answer says so."""
    due = state.due_replan
    if due is None:
        return
    state.replans += 1
    state.due_replan = None
    run = state.runs[due.step_id]
    if run.status is StepStatus.FAILED and run.result is not None:
        state.runs[due.step_id] = run.model_copy(update={"status": StepStatus.ACCEPTED})
        emit_finished(state, due.step_id, state.runs[due.step_id])


def stop(state: RunState, reason: Stop) -> None:
    """Stop the request: the first reason counts; what has not ended is cancelled."""
    if state.stop is not None or state.phase.is_end:
        return
    state.stop = reason
    state.due_replan = None
    for step_id, run in list(state.runs.items()):
        if not run.status.is_end:
            end_without_run(state, step_id, StepStatus.CANCELLED, reason.reason)


def conclude(state: RunState) -> Outcome:
    """Return how the request ends, from its stop or from its steps; `state.answer` is the answer, if there is one."""
    runs = list(state.runs.values())
    partial = any(run.status is not StepStatus.SUCCEEDED for run in runs if not _was_meant_to_be_skipped(run))
    phase: Literal[Phase.DONE, Phase.FAILED, Phase.CANCELLED] = Phase.DONE
    reason: str | None = None
    detail: str | None = None
    if state.stop is not None:
        phase, reason, detail = state.stop.phase, state.stop.reason, state.stop.detail
    elif not any(run.status.has_result for run in runs):
        phase, reason, detail = Phase.FAILED, "no_step_succeeded", _first_note(runs)
    return Outcome(
        phase=phase,
        answer=state.answer,
        reason=reason,
        detail=detail,
        partial=partial,
        cost_micros=state.spent_micros,
    )


def _was_meant_to_be_skipped(run: StepRun) -> bool:
    return run.status is StepStatus.SKIPPED and run.note == CONDITION_NOTE


def _first_note(runs: list[StepRun]) -> str | None:
    return next((run.note for run in runs if run.note), None)
