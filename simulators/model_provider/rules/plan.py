"""The plan task: the message's parts become steps; see `links` for what they wait for."""

import json
import re
from typing import Any

from domain.documents import PlanDocument
from domain.step import Step
from simulators.model_provider.json_value import Json
from simulators.model_provider.rules.links import Part, parts, separated
from simulators.model_provider.rules.operations import wants_json, wants_judgement
from simulators.model_provider.rules.phrases import say
from simulators.model_provider.rules.replan import replan, usable_tools
from simulators.model_provider.rules.tool_steps import Bench, Draft, Drawn, reads, waits_for_reads
from simulators.model_provider.rules.vagueness import is_vague

_OPTIONS = frozenset(Step.model_fields) - {"id", "kind", "prompt", "depends_on", "pin"}
_TOOL_FIELD = re.compile(r"/steps/(\d{1,3})/mcp_")
_MAX_STEPS = 200
_MAX_PROMPT_BYTES = 16 * 1024


def plan(document: PlanDocument) -> dict[str, Any]:
    """Return `PlannedSteps`. After problems the draft is made again without anything the user asked for in brackets."""
    bench = Bench(document, usable_tools(document), _refused(document))
    draft = _draft(bench)
    if document.steps:
        draft = replan(document, draft)
    return {"steps": draft}


def _draft(bench: Bench) -> Draft:
    document = bench.document
    limit = max(1, min(document.max_steps, _MAX_STEPS))
    source = _source(document)
    found = parts(separated(source) if bench.has_tools else source, limit)
    drawn = Drawn()
    for number, part in enumerate(found or [Part(source.strip() or "?", "generate", (), {})]):
        room = limit - len(drawn.steps) - max(len(found) - number - 1, 0)
        steps = bench.steps(part, drawn, room) or [_step(document, part, drawn)]
        drawn.add(part, [step | _chosen(document, part) for step in steps], reads=reads(part, steps))
    return drawn.steps


def _refused(document: PlanDocument) -> frozenset[str]:
    """Return the prompts of the tool steps that the last draft's problems speak of."""
    if not document.problems:
        return frozenset()
    before = document.model_copy(update={"problems": ()})
    draft = _draft(Bench(before, usable_tools(before)))
    blamed = {int(match.group(1)) for problem in document.problems if (match := _TOOL_FIELD.match(problem.path))}
    return frozenset(str(step["prompt"]) for number, step in enumerate(draft) if number in blamed)


def _source(document: PlanDocument) -> str:
    """The text to plan for; a message that is vague by itself is read with what the user replied to a question."""
    if not is_vague(document.message):
        return document.message
    reply = document.understanding.detailed_description.removeprefix(document.message).strip()
    return reply or document.message


def _step(document: PlanDocument, part: Part, drawn: Drawn) -> dict[str, Any]:
    kind = part.kind if part.kind in document.kinds else "generate"
    step: dict[str, Any] = {
        "id": drawn.next_id(),
        "kind": kind,
        "prompt": _prompt(part.text),
        "depends_on": [drawn.ends[number] for number in part.after] or waits_for_reads(part, drawn),
    }
    if kind == "generate":
        step["evaluate"] = "model" if wants_judgement(part.text) else "rule"
        if wants_json(part.text):
            step["expects"] = {"format": "json"}
    if kind == "human":
        step["default"] = say(document.understanding.language, "assumption")
    return step


def _prompt(text: str) -> str:
    return text.encode("utf-8", "replace")[:_MAX_PROMPT_BYTES].decode(errors="ignore")


def _chosen(document: PlanDocument, part: Part) -> dict[str, Any]:
    if document.problems:
        return {}
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
