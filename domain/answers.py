"""Answers that need no model: one step's result as it is, or all results in order when no model can merge them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.plan import Plan
from domain.step import Step, StepKind, StepRun, StepStatus


class Part(NamedTuple):
    """One step's end: what it was for, its text if it has one, else why not."""

    prompt: str
    status: StepStatus
    text: str | None
    note: str | None


def only_result(plan: Plan, runs: Mapping[str, StepRun]) -> Step | None:
    """Return the step whose result is the answer as it stands: the single one of a plan, and it succeeded."""
    if len(plan.steps) != 1 or plan.steps[0].kind is StepKind.HUMAN:
        return None
    step = plan.steps[0]
    return step if runs[step.id].status is StepStatus.SUCCEEDED else None


def join(parts: Iterable[Part]) -> str:
    """Return the results in order, each failure told plainly."""
    return "\n\n".join(_paragraph(part) for part in parts)


def _paragraph(part: Part) -> str:
    if part.text is None:
        return f"[{part.status.value}] {part.prompt}: {part.note or 'no result'}"
    if part.status is StepStatus.ACCEPTED:
        return f"{part.text}\n[not verified: {part.note or 'the evaluation did not pass'}]"
    return part.text
