"""Which steps may start: dependencies ended, condition true."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from domain.conditions import StepFacts, evaluate, parse, reads_results
from domain.step import Step, StepRun

CONDITION_NOTE = "its condition is false"


class Readiness(StrEnum):
    """What may be done with a pending step now."""

    WAIT = "wait"
    READY = "ready"
    SKIP = "skip"
    CHECK = "check"
    """The condition reads a result that is long or not inline: an activity must evaluate it."""


class Verdict(NamedTuple):
    """A step's readiness and, for a skip, the reason that users see."""

    readiness: Readiness
    note: str | None = None


def judge(step: Step, runs: Mapping[str, StepRun], checked: Mapping[str, bool]) -> Verdict:
    """Judge one pending step.

    Without a condition every dependency must have a result. With one, they must have ended, and the condition decides:
    so a step may run because another failed.

    Args:
        step: The pending step.
        runs: The runs of all steps.
        checked: Conditions that an activity has evaluated, by step id.
    """
    dependencies = [runs[dependency] for dependency in step.depends_on]
    if not all(run.status.is_end for run in dependencies):
        return Verdict(Readiness.WAIT)
    if step.condition is not None:
        return _judge_condition(step, runs, checked)
    lacking = [name for name, run in zip(step.depends_on, dependencies, strict=True) if not run.status.has_result]
    if lacking:
        return Verdict(Readiness.SKIP, f"no result from {', '.join(lacking)}")
    return Verdict(Readiness.READY)


def _judge_condition(step: Step, runs: Mapping[str, StepRun], checked: Mapping[str, bool]) -> Verdict:
    holds = checked.get(step.id)
    if holds is None:
        node = parse(step.condition or "")
        if any(_is_elsewhere(runs[step_id]) for step_id in reads_results(node)):
            return Verdict(Readiness.CHECK)
        holds = evaluate(node, {step_id: facts(run) for step_id, run in runs.items()})
    return Verdict(Readiness.READY) if holds else Verdict(Readiness.SKIP, CONDITION_NOTE)


def _is_elsewhere(run: StepRun) -> bool:
    if run.result is None or not run.status.has_result:
        return False
    return run.result.text is None or run.result.needs_blob


def facts(run: StepRun) -> StepFacts:
    """Return what a condition sees of a run whose result is inline or missing."""
    return StepFacts(run.status, run.result.text if run.result and run.status.has_result else None)
