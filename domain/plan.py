"""A plan: steps and their order, in versions."""

from collections.abc import Iterable, Mapping
from typing import Literal

from domain.step import Step
from domain.value import Value


class Plan(Value):
    """One version of a request's plan. Versions count from 1; each amendment and each replan makes the next.

    `origin`: who made this version.
    """

    version: int = 1
    steps: tuple[Step, ...]
    origin: Literal["planner", "rule", "replan", "amendment", "fork"] = "planner"
    reason: str | None = None

    def by_id(self) -> dict[str, Step]:
        """Return the steps by id, in plan order."""
        return {step.id: step for step in self.steps}

    def step(self, step_id: str) -> Step:
        """Return one step; KeyError if there is none."""
        return self.by_id()[step_id]

    def next_version(self, steps: Iterable[Step], origin: Literal["replan", "amendment"], reason: str | None) -> "Plan":
        """Return the plan that follows this one."""
        return Plan(version=self.version + 1, steps=tuple(steps), origin=origin, reason=reason)


def ancestors(steps: Mapping[str, Step], step_id: str) -> frozenset[str]:
    """Return the ids of all steps that `step_id` depends on, directly or not. Unknown ids are left out."""
    seen: set[str] = set()
    todo = list(steps[step_id].depends_on) if step_id in steps else []
    while todo:
        current = todo.pop()
        if current in seen or current not in steps:
            continue
        seen.add(current)
        todo.extend(steps[current].depends_on)
    return frozenset(seen)


def descendants(steps: Mapping[str, Step], step_id: str) -> frozenset[str]:
    """Return the ids of all steps that depend on `step_id`, directly or not."""
    below = {step_id}
    grew = True
    while grew:
        more = {s.id for s in steps.values() if s.id not in below and below.intersection(s.depends_on)}
        below |= more
        grew = bool(more)
    return frozenset(below - {step_id})


def has_cycle(steps: Mapping[str, Step]) -> tuple[str, ...]:
    """Return the ids of the steps on or behind a cycle, in plan order; empty when there is none.

    Kahn's algorithm: repeatedly remove the steps whose dependencies are all removed; what stays is cyclic.
    """
    waiting = {step.id: len({d for d in step.depends_on if d in steps}) for step in steps.values()}
    dependents: dict[str, list[str]] = {}
    for step in steps.values():
        for dependency in dict.fromkeys(step.depends_on):
            dependents.setdefault(dependency, []).append(step.id)
    free = [step_id for step_id, count in waiting.items() if count == 0]
    while free:
        current = free.pop()
        del waiting[current]
        for dependent in dependents.get(current, ()):
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                free.append(dependent)
    return tuple(waiting)
