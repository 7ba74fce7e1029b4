"""Planning again after a failure: the failed steps are tried another way, and what waited for them comes again.

The document says how steps ended but not what they waited for; the first draft, made again from the message, does.
Steps that were cancelled, or skipped for a reason of their own, stay so. The successors of `s2` are called `s2_r1`,
`s2_r2` and so on.
"""

import re
from typing import Any

from domain.documents import PlanDocument, StepSummary
from simulators.model_provider.rules.phrases import say
from simulators.model_provider.rules.words import short

_GENERATION = re.compile(r"_r(\d+)$")
_REFERENCE = re.compile(r"\bsteps\.([a-z][a-z0-9_-]*)")

Draft = list[dict[str, Any]]


def is_replacement(step_id: str) -> bool:
    """Return whether a step stands for an earlier one that failed."""
    return _GENERATION.search(step_id) is not None


def replan(document: PlanDocument, first_draft: Draft) -> Draft:
    """Return the new steps; they may depend on steps that stay."""
    newest = {_origin(step.id): step for step in sorted(document.steps, key=lambda step: _generation(step.id))}
    shapes = {str(step["id"]): step for step in first_draft}
    again = _again(newest, shapes)
    names = {origin: _next_id(step.id) if origin in again else step.id for origin, step in newest.items()}
    return [
        _renamed(shapes.get(origin, {}), names)
        | {"id": names[origin], "kind": _kind(document, step), "prompt": _prompt(document, step, shapes.get(origin))}
        for origin, step in newest.items()
        if origin in again
    ]


def _again(newest: dict[str, StepSummary], shapes: dict[str, dict[str, Any]]) -> set[str]:
    """Return which steps come again: failed and pending ones, and those skipped for waiting for a failed one."""
    lost = {origin for origin, step in newest.items() if step.status == "failed"}
    grew = True
    while grew:
        skipped = {
            origin
            for origin, step in newest.items()
            if step.status == "skipped" and lost.intersection(shapes.get(origin, {}).get("depends_on", ()))
        }
        grew = not skipped <= lost
        lost |= skipped
    return lost | {origin for origin, step in newest.items() if step.status == "pending"}


def _kind(document: PlanDocument, step: StepSummary) -> str:
    return step.kind if step.kind in document.kinds else "generate"


def _prompt(document: PlanDocument, step: StepSummary, shape: dict[str, Any] | None) -> str:
    """The step's prompt, whole again if the document has only its beginning, reworded if the step failed."""
    drafted = str(shape["prompt"]) if shape else ""
    prompt = drafted if drafted and (is_replacement(step.id) or drafted.startswith(step.prompt)) else step.prompt
    if step.status != "failed":
        return prompt
    language = document.understanding.language
    failure = step.note or document.failure or say(language, "unknown")
    return say(language, "again", prompt=prompt, failure=short(failure, 200))


def _renamed(shape: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Return a step of the first draft with its references led to the steps of today."""
    waits_for = [names[origin] for origin in shape.get("depends_on", ()) if origin in names]
    renamed = {**shape, "depends_on": waits_for}
    if "condition" in shape:
        condition = str(shape["condition"])
        renamed["condition"] = _REFERENCE.sub(lambda it: f"steps.{names.get(it[1], it[1])}", condition)
    return renamed


def _origin(step_id: str) -> str:
    return _GENERATION.sub("", step_id)


def _generation(step_id: str) -> int:
    match = _GENERATION.search(step_id)
    return int(match.group(1)) if match else 0


def _next_id(step_id: str) -> str:
    return f"{_origin(step_id)[:34]}_r{_generation(step_id) + 1}"
