"""What to do next with a running plan: launch what is ready, within window and budget; skip the hopeless; end."""

from typing import NamedTuple

from domain import budget
from domain.content import Text
from domain.events import EventType, StepFinished
from domain.plan import Plan
from domain.readiness import Readiness, judge
from domain.request import Caps
from domain.run_state import RunState
from domain.step import Step, StepKind, StepRun, StepStatus
from domain.templates import references as template_references

BUDGET_NOTE = "the budget is spent"


class Launch(NamedTuple):
    """Start a step. The launch owns the rounds `first_round` … `first_round + step.max_retries`."""

    step: Step
    launch: int
    first_round: int
    grant_micros: int | None
    inputs: dict[str, Text]


class Check(NamedTuple):
    """Let an activity evaluate a step's condition."""

    step: Step


class Moves(NamedTuple):
    """What the workflow shall do now. `finished`: nothing is left to run, the answer can be written."""

    launches: tuple[Launch, ...] = ()
    checks: tuple[Check, ...] = ()
    finished: bool = False


def next_moves(state: RunState, caps: Caps) -> Moves:
    """Decide what to do now, and note it in the state: launched steps are running, skipped ones have ended.

    Nothing starts while the request is paused, stopped or about to be replanned; a plan ends only when no step is
    pending or active and no replan is due.
    """
    plan = state.plan
    if plan is None or state.stop is not None or state.paused or state.due_replan is not None:
        return Moves()
    checks = _skip_hopeless(state, plan)
    launches: list[Launch] = []
    while _launch_ready(state, plan, caps, launches):
        checks = _skip_hopeless(state, plan)
    finished = all(run.status.is_end for run in state.runs.values())
    return Moves(tuple(launches), tuple(checks), finished)


def _launch_ready(state: RunState, plan: Plan, caps: Caps, launches: list[Launch]) -> bool:
    """Launch what the window allows; return whether a step was skipped for want of money: others may fall with it."""
    skipped = False
    for step in _ready(state, plan):
        if _active(state) >= caps.window:
            break
        launch = _launch(state, plan, step)
        if launch is None:
            skipped = True
        else:
            launches.append(launch)
    return skipped


def _skip_hopeless(state: RunState, plan: Plan) -> list[Check]:
    """Skip steps until no further one falls; return the conditions to be checked elsewhere."""
    while True:
        checks: list[Check] = []
        skipped = False
        for step in _pending(state, plan):
            verdict = judge(step, state.runs, state.checked)
            if verdict.readiness is Readiness.SKIP:
                end_without_run(state, step.id, StepStatus.SKIPPED, verdict.note)
                skipped = True
            elif verdict.readiness is Readiness.CHECK:
                checks.append(Check(step))
        if not skipped:
            return checks


def _pending(state: RunState, plan: Plan) -> list[Step]:
    return [step for step in plan.steps if state.runs[step.id].status is StepStatus.PENDING]


def _ready(state: RunState, plan: Plan) -> list[Step]:
    pending = _pending(state, plan)
    return [step for step in pending if judge(step, state.runs, state.checked).readiness is Readiness.READY]


def _active(state: RunState) -> int:
    return sum(run.status.is_active for run in state.runs.values())


def _launch(state: RunState, plan: Plan, step: Step) -> Launch | None:
    run = state.runs[step.id]
    grant = None
    if _spends(step):
        shares = len(_pending(state, plan)) + 1
        grant = budget.grant(state.remaining_micros(), shares, step.budget_micros)
        if grant is not None and grant <= 0:
            end_without_run(state, step.id, StepStatus.SKIPPED, BUDGET_NOTE)
            return None
    launch = Launch(step, run.launches + 1, run.next_round, grant, inputs_of(state, step))
    state.runs[step.id] = run.model_copy(
        update={
            "status": StepStatus.RUNNING,
            "launches": launch.launch,
            "next_round": run.next_round + step.max_retries + 1,
        }
    )
    key = f"{step.id}/{launch.launch}"
    state.open_launches.append(key)
    if grant is not None:
        state.grants[key] = grant
    return launch


def _spends(step: Step) -> bool:
    """Return whether a step asks a model: people and tools cost nothing, unless a model judges what a tool gave."""
    if step.kind is StepKind.TOOL:
        return step.evaluate == "model"
    return step.kind is not StepKind.HUMAN


def inputs_of(state: RunState, step: Step) -> dict[str, Text]:
    """Return the results of the steps that a step depends on or refers to, where there is one."""
    referred = (reference.step_id for reference in template_references(step.mcp_parameters or {}))
    names = dict.fromkeys((*step.depends_on, *referred))
    runs = {name: state.runs[name] for name in names if name in state.runs}
    return {name: run.result for name, run in runs.items() if run.status.has_result and run.result is not None}


def end_without_run(state: RunState, step_id: str, status: StepStatus, note: str | None) -> None:
    """End a step that is not (or no longer) run, and say so."""
    run = state.runs[step_id]
    state.runs[step_id] = run.model_copy(update={"status": status, "note": note})
    emit_finished(state, step_id, state.runs[step_id])


def emit_finished(state: RunState, step_id: str, run: StepRun) -> None:
    """Say that a step has ended."""
    end = StepFinished(
        step_id=step_id,
        round=run.next_round - 1,
        status=run.status,
        result=run.result,
        evaluation=run.evaluation,
        note=run.note,
    )
    state.emit(EventType.STEP_FINISHED, **end.data())
