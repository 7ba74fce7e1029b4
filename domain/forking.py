"""Forking: the plan of a new request that re-runs an earlier one from a step on, and reuses what stands before it."""

from collections.abc import Mapping

from domain.content import Text
from domain.errors import InvalidInput, Problem
from domain.plan import Plan, descendants
from domain.step import StepRun
from domain.value import Value


class Forked(Value):
    """A fork: the source's plan as version 1 of a new one, and the results that it keeps."""

    plan: Plan
    results: dict[str, Text]


def fork(plan: Plan, runs: Mapping[str, StepRun], from_step: str) -> Forked:
    """Return a fork that re-runs `from_step`, all that depends on it, and all that has no result.

    Raises:
        InvalidInput: There is no such step.
    """
    steps = plan.by_id()
    if from_step not in steps:
        message = f"there is no step {from_step!r}"
        raise InvalidInput(message, (Problem(code="unknown_step", path="/from_step", message=message),))
    again = descendants(steps, from_step) | {from_step}
    results = {
        step_id: run.result
        for step_id, run in runs.items()
        if step_id in steps and step_id not in again and run.status.has_result and run.result is not None
    }
    forked = Plan(version=1, steps=plan.steps, origin="fork", reason=f"re-run from {from_step}")
    return Forked(plan=forked, results=results)
