"""The plan task: the message's parts become steps; see `links` for what they wait for."""

import json
from typing import Any

from domain.documents import PlanDocument
from domain.step import Step
from simulators.model_provider.json_value import Json
from simulators.model_provider.rules.links import Part, parts
from simulators.model_provider.rules.operations import wants_json, wants_judgement
from simulators.model_provider.rules.phrases import say
from simulators.model_provider.rules.replan import replan
from simulators.model_provider.rules.vagueness import is_vague

_OPTIONS = frozenset(Step.model_fields) - {"id", "kind", "prompt", "depends_on"}
_MAX_STEPS = 200
_MAX_PROMPT_BYTES = 16 * 1024


def plan(document: PlanDocument) -> dict[str, Any]:
    """Return `PlannedSteps`. After problems the draft is made again without anything the user asked for in brackets."""
    draft = _draft(document)
    if document.steps:
        draft = replan(document, draft)
    return {"steps": draft}


def _draft(document: PlanDocument) -> list[dict[str, Any]]:
    limit = max(1, min(document.max_steps, _MAX_STEPS))
    found = parts(_source(document), limit) or [Part(_source(document).strip() or "?", "generate", (), {})]
    return [_step(document, index, part) for index, part in enumerate(found)]


def _source(document: PlanDocument) -> str:
    """The text to plan for; a message that is vague by itself is read with what the user replied to a question."""
    if not is_vague(document.message):
        return document.message
    reply = document.understanding.detailed_description.removeprefix(document.message).strip()
    return reply or document.message


def _step(document: PlanDocument, index: int, part: Part) -> dict[str, Any]:
    kind = part.kind if part.kind in document.kinds else "generate"
    step: dict[str, Any] = {
        "id": f"s{index + 1}",
        "kind": kind,
        "prompt": _prompt(part.text),
        "depends_on": [f"s{number + 1}" for number in part.after],
    }
    if kind == "generate":
        step["evaluate"] = "model" if wants_judgement(part.text) else "rule"
        if wants_json(part.text):
            step["expects"] = {"format": "json"}
    if kind == "human":
        step["default"] = say(document.understanding.language, "assumption")
    return step if document.problems else step | _chosen(part)


def _prompt(text: str) -> str:
    return text.encode("utf-8", "replace")[:_MAX_PROMPT_BYTES].decode(errors="ignore")


def _chosen(part: Part) -> dict[str, Any]:
    return {name: _value(name, text) for name, text in part.options.items() if name in _OPTIONS}


def _value(name: str, text: str) -> Json:
    """Numbers and objects are JSON, `expects=json` is short for its format, anything else is text."""
    if name == "expects" and text == "json":
        return {"format": "json"}
    if name in ("condition", "model", "evaluate", "default"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
