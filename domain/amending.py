"""Taking an amendment over into a running request's state."""

from datetime import datetime

from domain.amendment import AmendContext, Amended, amend
from domain.edits import Amendment
from domain.errors import AmendmentRefused, Problem
from domain.events import EventType
from domain.request import Caps
from domain.run_state import RunState
from domain.scheduling import BUDGET_NOTE, emit_finished, end_without_run
from domain.step import Step, StepRun, StepStatus


def take_amendment(
    state: RunState, amendment: Amendment, caps: Caps, now: datetime, bound: tuple[Step, ...] | None = ()
) -> Amended:
    """Apply an amendment to the state: the plan's next version, runs of changed steps, deadline, model and budget.

    Steps that start again are pending with a new launch to come; a late end of the old one changes nothing.
    `bound`: see `AmendContext`.

    Raises:
        AmendmentRefused: The plan is not there yet or has run to its end, or the amendment does not pass.
    """
    if state.plan is None or state.closing or state.stop is not None or state.phase.is_end:
        message = "the request has ended or is ending" if state.plan else "there is no plan yet"
        raise AmendmentRefused(message, (Problem(code="no_open_plan", path="", message=message),))
    context = AmendContext(now=now, depth=state.depth, budget_micros=state.budget_micros, bound=bound)
    amended = amend(state.plan, state.runs, amendment, caps, context)
    revived = _change_runs(state, amended)
    _change_request(state, amended)
    state.plan = amended.plan
    state.emit(
        EventType.PLAN_AMENDED,
        plan=amended.plan,
        kept=amended.kept,
        cancelled=amended.cancelled,
        rerun=(*amended.rerun, *revived),
        message_id=amendment.message_id,
    )
    for step_id in amended.results:
        emit_finished(state, step_id, state.runs[step_id])
    return amended


def _change_runs(state: RunState, amended: Amended) -> tuple[str, ...]:
    """Change the runs; return the steps that were skipped and get another chance."""
    for step_id in amended.cancelled:
        end_without_run(state, step_id, StepStatus.CANCELLED, "dropped by an amendment")
    runs = state.runs_for(amended.plan.steps)
    for step_id in amended.rerun:
        runs[step_id] = runs[step_id].model_copy(update={"status": StepStatus.PENDING})
    for step_id, result in amended.results.items():
        given = {"status": StepStatus.SUCCEEDED, "result": result, "note": "given by hand", "evaluation": None}
        runs[step_id] = runs[step_id].model_copy(update=given)
    revived = tuple(step_id for step_id, run in runs.items() if _deserves_another_chance(run, amended))
    for step_id in revived:
        runs[step_id] = runs[step_id].model_copy(update={"status": StepStatus.PENDING, "note": None})
    if state.due_replan is not None and state.due_replan.step_id in amended.results:
        state.due_replan = None
    state.checked.clear()
    state.runs = runs
    return revived


def _deserves_another_chance(run: StepRun, amended: Amended) -> bool:
    """Return whether a step was skipped for want of a result, or of money, that an amendment has brought."""
    if run.status is not StepStatus.SKIPPED or run.note is None:
        return False
    lacked_result = run.note.startswith("no result from")
    return (bool(amended.results) and lacked_result) or (amended.budget_micros is not None and run.note == BUDGET_NOTE)


def _change_request(state: RunState, amended: Amended) -> None:
    state.deadline_at = amended.deadline_at or state.deadline_at
    state.model = amended.model or state.model
    if amended.budget_micros is not None:
        state.budget_micros = amended.budget_micros
