"""Planning again after a failure: the failed steps are tried another way, and what waited for them comes again.

A tool that is gone is not used again: another that fits takes its place. After any other failure of a tool a step tells
what could not be done, for a write may have happened.

The document says how steps ended but not what they waited for; the first draft, made again from the message, does.
Steps that were cancelled, or skipped for a reason of their own, stay so. The successors of `s2` are called `s2_r1`,
`s2_r2` and so on.
"""

import re
from typing import Any

from domain.documents import PlanDocument, StepSummary, ToolOffer
from simulators.model_provider.json_value import Json, as_list, as_object
from simulators.model_provider.rules.phrases import say
from simulators.model_provider.rules.words import short

_GENERATION = re.compile(r"_r(\d+)$")
_REFERENCE = re.compile(r"\bsteps\.([a-z][a-z0-9_-]*)")

_MISSING = re.compile(
    r"tool_missing|(?:has|offers) no (?:tool|resource|prompt)|is not there any more|no such tool|unknown tool",
    re.IGNORECASE,
)
_NEAREST = "the nearest"

Draft = list[dict[str, Any]]


def is_replacement(step_id: str) -> bool:
    """Return whether a step stands for an earlier one that failed."""
    return _GENERATION.search(step_id) is not None


def replan(document: PlanDocument, first_draft: Draft) -> Draft:
    """Return the new steps; they may depend on steps that stay."""
    newest = {_origin(step.id): step for step in sorted(document.steps, key=lambda step: _generation(step.id))}
    shapes = {str(step["id"]): step for step in first_draft}
    again = _again(newest, shapes) - _hopeless(document, newest, shapes)
    names = {origin: _next_id(step.id) if origin in again else step.id for origin, step in newest.items()}
    return [
        _renamed(_shape(document, step, shapes.get(origin, {})), names)
        | {"id": names[origin], "prompt": _prompt(document, step, shapes.get(origin))}
        for origin, step in newest.items()
        if origin in again
    ]


def usable_tools(document: PlanDocument) -> tuple[ToolOffer, ...]:
    """Return the tools that are offered, but for those that a failure says are gone."""
    told = (_failure(document, step) for step in document.steps if _is_tool(step) and step.status == "failed")
    gone = " ".join(text.partition(_NEAREST)[0] for text in told if _MISSING.search(text))
    return tuple(offer for offer in document.tools if not _says(gone, offer.mcp_action_name))


def _says(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def _is_tool(step: StepSummary) -> bool:
    return step.kind == "tool"


def _failure(document: PlanDocument, step: StepSummary) -> str:
    return " ".join(filter(None, (step.note, document.failure)))


def _tells(document: PlanDocument, step: StepSummary) -> bool:
    return _is_tool(step) and step.status == "failed" and not _MISSING.search(_failure(document, step))


def _shape(document: PlanDocument, step: StepSummary, shape: dict[str, Any]) -> dict[str, Any]:
    """Return what the step becomes: of its kind, unless a tool failed that is not simply gone, or no tool does it."""
    if _tells(document, step) or (_is_tool(step) and shape.get("kind") != "tool"):
        return {"kind": "generate", "depends_on": shape.get("depends_on", []), "evaluate": "rule"}
    return shape | {"kind": _kind(document, step)}


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


def _hopeless(document: PlanDocument, newest: dict[str, StepSummary], shapes: dict[str, dict[str, Any]]) -> set[str]:
    """Return the steps that would build on what a failed tool did not give."""
    without = {origin for origin, step in newest.items() if _tells(document, step)}
    below: set[str] = set()
    grew = True
    while grew:
        more = {
            origin for origin in newest if (without | below).intersection(shapes.get(origin, {}).get("depends_on", ()))
        }
        grew = not more <= below
        below |= more
    return below


def _kind(document: PlanDocument, step: StepSummary) -> str:
    return step.kind if step.kind in document.kinds else "generate"


def _prompt(document: PlanDocument, step: StepSummary, shape: dict[str, Any] | None) -> str:
    """The step's prompt, whole again if the document has only its beginning, reworded if the step failed."""
    drafted = str(shape["prompt"]) if shape else ""
    prompt = drafted if drafted and (is_replacement(step.id) or drafted.startswith(step.prompt)) else step.prompt
    if step.status != "failed":
        return prompt
    language = document.understanding.language
    failure = short(step.note or document.failure or say(language, "unknown"), 200)
    return say(language, "tell" if _tells(document, step) else "again", prompt=prompt, failure=failure)


def _renamed(shape: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Return a step of the first draft with its references led to the steps of today."""
    waits_for = [names[origin] for origin in shape.get("depends_on", ()) if origin in names]
    renamed = {**shape, "depends_on": waits_for}
    if "condition" in shape:
        condition = str(shape["condition"])
        renamed["condition"] = _led(condition, names)
    if "mcp_parameters" in shape:
        renamed["mcp_parameters"] = _led(shape["mcp_parameters"], names)
    return renamed


def _led(value: Json, names: dict[str, str]) -> Json:
    """Lead the references in texts to the steps of today."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda it: f"steps.{names.get(it[1], it[1])}", value)
    fields, items = as_object(value), as_list(value)
    if fields is not None:
        return {key: _led(field, names) for key, field in fields.items()}
    return value if items is None else [_led(item, names) for item in items]


def _origin(step_id: str) -> str:
    return _GENERATION.sub("", step_id)


def _generation(step_id: str) -> int:
    match = _GENERATION.search(step_id)
    return int(match.group(1)) if match else 0


def _next_id(step_id: str) -> str:
    return f"{_origin(step_id)[:34]}_r{_generation(step_id) + 1}"
