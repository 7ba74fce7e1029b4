"""How far a request is: counts, and the plan as the Markdown table that Temporal Web shows."""

from collections.abc import Iterable

from domain.plan import Plan
from domain.request import Approval, Phase
from domain.run_state import RunState
from domain.step import Step, StepRun
from domain.value import Value

ROWS_SHOWN = 50


class Progress(Value):
    """Counts of steps by where they stand, and the money spent so far in micro-units."""

    phase: Phase
    paused: bool
    total: int
    ended: int
    active: int
    pending: int
    spent_micros: int
    plan_version: int | None


def progress(state: RunState) -> Progress:
    """Return a request's progress."""
    runs = state.runs.values()
    ended = sum(run.status.is_end for run in runs)
    active = sum(run.status.is_active for run in runs)
    return Progress(
        phase=state.phase,
        paused=state.paused,
        total=len(state.runs),
        ended=ended,
        active=active,
        pending=len(state.runs) - ended - active,
        spent_micros=state.spent_micros,
        plan_version=state.plan.version if state.plan else None,
    )


def details(request_id: str, state: RunState) -> str:
    """Return what Temporal Web shows: phase, plan table without prompts, open questions, commands ready to paste."""
    paused = " (paused)" if state.paused else ""
    lines = [f"**{state.phase.value}**{paused} · spent {dollars(state.spent_micros)}", ""]
    if state.plan is not None:
        lines += [f"Plan version {state.plan.version}", "", *_table(state.plan, state.runs), ""]
    lines += [f"- open question `{question}`" for question in state.questions]
    lines += [_waiting_for(approval) for approval in state.approvals.values()]
    return "\n".join([*lines, *_commands(request_id, state)])


def _waiting_for(approval: Approval) -> str:
    """Tell what an approval is about; its arguments are in the query `status`."""
    if approval.action is None:
        return f"- open approval `{approval.id}`"
    effect = approval.effect.value if approval.effect else "call"
    called = str(approval.action).replace("`", "'")
    return f"- open approval `{approval.id}` ({approval.kind.value}): {effect} by `{called}`"


def dollars(micros: int) -> str:
    """Write micro-units as dollars: `$0.001234`."""
    return f"${micros / 1_000_000:.6f}"


def _table(plan: Plan, runs: dict[str, StepRun]) -> Iterable[str]:
    yield "| step | kind | after | status | round | cost |"
    yield "|---|---|---|---|---|---|"
    for step in plan.steps[:ROWS_SHOWN]:
        yield _row(step, runs.get(step.id, StepRun()))
    if len(plan.steps) > ROWS_SHOWN:
        yield f"\n… and {len(plan.steps) - ROWS_SHOWN} more steps"


def _row(step: Step, run: StepRun) -> str:
    after = ", ".join(step.depends_on) or "–"
    cost = dollars(run.cost_micros)
    return f"| {step.id} | {step.kind.value} | {after} | {run.status.value} | {run.launches} | {cost} |"


def _commands(request_id: str, state: RunState) -> Iterable[str]:
    command = f"temporal workflow update execute --workflow-id {request_id}"
    yield "```sh"
    for question in state.questions:
        yield f"""{command} --name reply --input '{{"question_id": "{question}", "text": "…"}}'"""
    for approval in state.approvals:
        yield f"""{command} --name approve --input '{{"approval_id": "{approval}", "decision": "approve"}}'"""
    verb = "resume" if state.paused else "pause"
    yield f"{command} --name {verb} --input '{{}}'"
    yield f"""{command} --name cancel --input '{{"reason": "…"}}'"""
    yield "```"
