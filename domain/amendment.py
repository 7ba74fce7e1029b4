"""Applying an amendment: edits → a draft of the plan → the same admission as the planner's.

What has finished keeps its result; a running step that an edit changes is cancelled and starts again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from domain import edits
from domain.admission import admit
from domain.content import Text
from domain.drafts import read_step
from domain.errors import AmendmentRefused, Problem
from domain.plan import Plan, descendants
from domain.request import Caps
from domain.step import Step, StepKind, StepRun, StepStatus
from domain.tools import Pin
from domain.value import Value

HAND_RESULT_LIMIT = 64 * 1024
"""Bytes of UTF-8 that a result given by hand may have: it stays in the history."""

LONGEST_DEADLINE = timedelta(days=30)
"""How far from now a deadline may be set; a later amendment may move it again."""


class Amended(Value):
    """What an amendment does.

    `rerun`: active steps that start again; `cancelled`: active or pending ones that are gone.
    """

    plan: Plan
    kept: tuple[str, ...]
    cancelled: tuple[str, ...]
    rerun: tuple[str, ...]
    results: dict[str, Text]
    deadline_at: datetime | None = None
    model: str | None = None
    budget_micros: int | None = None


@dataclass
class _Draft:
    """The plan while edits are applied one by one."""

    steps: dict[str, Step]
    runs: dict[str, StepRun]
    now: datetime
    budget_micros: int | None
    rerun: set[str] = field(default_factory=set[str])
    results: dict[str, Text] = field(default_factory=dict[str, Text])
    changes: dict[str, Any] = field(default_factory=dict[str, Any])
    problems: list[Problem] = field(default_factory=list[Problem])

    def refuse(self, code: str, path: str, message: str) -> None:
        self.problems.append(Problem(code=code, path=path, message=message))

    def status(self, step_id: str) -> StepStatus:
        return self.runs[step_id].status if step_id in self.runs else StepStatus.PENDING

    def change(self, step_id: str, path: str, *, restart: bool, **fields: Any) -> None:
        """Change fields of a step that has not ended; with `restart` an active one starts again."""
        if not self.is_open(step_id, path):
            return
        self.steps[step_id] = self.steps[step_id].model_copy(update=fields)
        if restart and self.status(step_id).is_active:
            self.rerun.add(step_id)

    def is_known(self, step_id: str, path: str) -> bool:
        if step_id not in self.steps:
            self.refuse("unknown_step", path, f"there is no step {step_id!r}")
        return step_id in self.steps

    def is_open(self, step_id: str, path: str) -> bool:
        if not self.is_known(step_id, path):
            return False
        if self.status(step_id).is_end:
            self.refuse("step_finished", path, f"step {step_id!r} has ended; fork the request to change it")
            return False
        return True


def amend(
    plan: Plan, runs: dict[str, StepRun], amendment: edits.Amendment, caps: Caps, context: "AmendContext"
) -> Amended:
    """Return what an amendment does to a plan, without doing it.

    Raises:
        AmendmentRefused: With a problem for each reason; the plan stays as it is.
    """
    if amendment.expected_version != plan.version:
        message = f"the plan has version {plan.version}, the amendment was written for {amendment.expected_version}"
        raise _refused([Problem(code="stale_version", path="/expected_version", message=message)])
    draft = _Draft(plan.by_id(), runs, context.now, context.budget_micros)
    for index, edit in enumerate(amendment.edits):
        _APPLY[type(edit)](draft, edit, f"/edits/{index}")
    steps = _with_pins(tuple(draft.steps.values()), context.bound)
    must_be_bound = context.bound is not None
    problems = draft.problems or admit(steps, caps, context.depth, bound=must_be_bound)
    if problems:
        raise _refused(problems)
    return _amended(plan, steps, draft, amendment.reason)


class AmendContext(Value):
    """What an amendment needs to know of the request beside its plan."""

    now: datetime
    depth: int = 0
    budget_micros: int | None = None
    bound: tuple[Step, ...] | None = None
    """The steps that tools were looked up for, with their pins; None: not looked up yet, so pins may be missing."""


def _with_pins(steps: tuple[Step, ...], bound: tuple[Step, ...] | None) -> tuple[Step, ...]:
    """Give steps without a pin the one that was found for the very same step."""
    pins = {step.model_copy(update={"pin": None}).model_dump_json(): step.pin for step in bound or ()}
    return tuple(
        step if step.pin is not None or step.kind is not StepKind.TOOL else _pinned(step, pins) for step in steps
    )


def _pinned(step: Step, pins: dict[str, Pin | None]) -> Step:
    return step.model_copy(update={"pin": pins.get(step.model_dump_json())})


def _amended(plan: Plan, steps: tuple[Step, ...], draft: _Draft, reason: str | None) -> Amended:
    remaining = {step.id for step in steps}
    gone = tuple(step.id for step in plan.steps if step.id not in remaining)
    rerun = tuple(step.id for step in steps if step.id in draft.rerun and step.id not in draft.results)
    changed = {*gone, *rerun, *draft.results}
    return Amended(
        plan=plan.next_version(steps, "amendment", reason),
        kept=tuple(step.id for step in plan.steps if step.id not in changed),
        cancelled=gone,
        rerun=rerun,
        results={step_id: text for step_id, text in draft.results.items() if step_id in remaining},
        **draft.changes,
    )


def _refused(problems: Sequence[Problem]) -> AmendmentRefused:
    return AmendmentRefused("; ".join(problem.message for problem in problems[:3]), tuple(problems[:20]))


def _add(draft: _Draft, edit: edits.AddStep, path: str) -> None:
    step = read_step(edit.step, f"{path}/step")
    if not isinstance(step, Step):
        draft.problems.extend(step)
    elif step.id in draft.steps or step.id in draft.runs:
        draft.refuse("duplicate_id", f"{path}/step/id", f"the id {step.id!r} is taken")
    else:
        draft.steps[step.id] = step


def _drop(draft: _Draft, edit: edits.DropStep, path: str) -> None:
    if not draft.is_open(edit.step_id, f"{path}/step_id"):
        return
    below = descendants(draft.steps, edit.step_id)
    if edit.dependents == "drop":
        ended = sorted(step_id for step_id in below if draft.status(step_id).is_end)
        if ended:
            draft.refuse("step_finished", path, f"dependents have ended: {', '.join(ended)}; detach them")
            return
        draft.steps = {key: step for key, step in draft.steps.items() if key not in below}
    del draft.steps[edit.step_id]
    for step_id, step in draft.steps.items():
        if edit.step_id in step.depends_on:
            rest = tuple(name for name in step.depends_on if name != edit.step_id)
            draft.steps[step_id] = step.model_copy(update={"depends_on": rest})


def _rewire(draft: _Draft, edit: edits.RewireStep, path: str) -> None:
    draft.change(edit.step_id, f"{path}/step_id", restart=True, depends_on=edit.depends_on)


def _retime(draft: _Draft, edit: edits.Retime, path: str) -> None:
    if edit.timeout_s is None and edit.deadline is None:
        draft.refuse("nothing_to_change", path, "give timeout_s with a step_id, or deadline")
    if edit.timeout_s is not None and edit.step_id is None:
        draft.refuse("step_id_missing", f"{path}/step_id", "a time-out belongs to a step")
    elif edit.timeout_s is not None and edit.step_id is not None:
        draft.change(edit.step_id, f"{path}/step_id", restart=False, timeout_s=edit.timeout_s)
    if edit.deadline is not None:
        _set_deadline(draft, edit.deadline, path)


def _set_deadline(draft: _Draft, deadline: datetime, path: str) -> None:
    if deadline.tzinfo is None:
        draft.refuse("deadline_without_zone", f"{path}/deadline", "a deadline has a time zone, e.g. a final Z")
    elif deadline <= draft.now:
        draft.refuse("deadline_past", f"{path}/deadline", "the deadline is in the past")
    elif deadline - draft.now > LONGEST_DEADLINE:
        message = f"the deadline is at most {LONGEST_DEADLINE.days} days ahead"
        draft.refuse("deadline_too_far", f"{path}/deadline", message)
    else:
        draft.changes["deadline_at"] = deadline


def _set_prompt(draft: _Draft, edit: edits.SetPrompt, path: str) -> None:
    draft.change(edit.step_id, f"{path}/step_id", restart=True, prompt=Text.inline(edit.prompt))


def _set_parameters(draft: _Draft, edit: edits.SetParameters, path: str) -> None:
    changes = {"mcp_parameters": edit.mcp_parameters, "pin": None}
    draft.change(edit.step_id, f"{path}/step_id", restart=True, **changes)


def _set_model(draft: _Draft, edit: edits.SetModel, path: str) -> None:
    if edit.step_id is None:
        draft.changes["model"] = edit.model
    else:
        draft.change(edit.step_id, f"{path}/step_id", restart=True, model=edit.model)


def _raise_budget(draft: _Draft, edit: edits.RaiseBudget, path: str) -> None:
    if edit.step_id is not None and not draft.is_open(edit.step_id, f"{path}/step_id"):
        return
    now = draft.budget_micros if edit.step_id is None else draft.steps[edit.step_id].budget_micros
    if now is None or edit.to_micros < now:
        message = "there is no budget to raise" if now is None else f"the budget is {now} already"
        draft.refuse("budget_not_raised", f"{path}/to_micros", message)
    elif edit.step_id is None:
        draft.changes["budget_micros"] = edit.to_micros
        draft.budget_micros = edit.to_micros
    else:
        draft.change(edit.step_id, f"{path}/step_id", restart=False, budget_micros=edit.to_micros)


def _set_result(draft: _Draft, edit: edits.SetResult, path: str) -> None:
    if not draft.is_known(edit.step_id, f"{path}/step_id"):
        return
    text = Text.inline(edit.result)
    if draft.status(edit.step_id).has_result:
        draft.refuse("step_finished", f"{path}/step_id", f"step {edit.step_id!r} has a result")
    elif not 0 < text.size <= HAND_RESULT_LIMIT:
        draft.refuse("result_size", f"{path}/result", f"a result given by hand has 1 to {HAND_RESULT_LIMIT} bytes")
    else:
        draft.results[edit.step_id] = text


_APPLY: dict[type[Any], Callable[[_Draft, Any, str], None]] = {
    edits.AddStep: _add,
    edits.DropStep: _drop,
    edits.RewireStep: _rewire,
    edits.Retime: _retime,
    edits.SetPrompt: _set_prompt,
    edits.SetParameters: _set_parameters,
    edits.SetModel: _set_model,
    edits.RaiseBudget: _raise_budget,
    edits.SetResult: _set_result,
}
