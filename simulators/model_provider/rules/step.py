"""The step task: real, if modest, work on the prompt and the results it is given."""

import json
from collections.abc import Mapping
from typing import Any

from domain.documents import StepDocument
from simulators.model_provider.json_value import Json, as_list
from simulators.model_provider.rules.arithmetic import solve
from simulators.model_provider.rules.entities import mentions
from simulators.model_provider.rules.material import Material
from simulators.model_provider.rules.phrases import say, untold
from simulators.model_provider.rules.vagueness import is_greeting
from simulators.model_provider.rules.words import keywords, share_subject, short
from simulators.model_provider.rules.work import work

_FEEDBACK_CHARS = 120


def step(document: StepDocument) -> str:
    """Return the text that fulfils the document's prompt."""
    text = _answer(document)
    if document.format == "json":
        return _as_json(document, text)
    return text


def _answer(document: StepDocument) -> str:
    language = document.language
    if is_greeting(document.prompt):
        return say(language, "greeting")
    text = _work(document)
    known = _known(document.prompt, document.context, language)
    if known:
        text = f"{text} {known}"
    if not share_subject(document.prompt, text):
        text = f"{short(document.prompt, 80)}: {text}"
    if document.feedback:
        text = say(language, "revised", feedback=short(document.feedback, _FEEDBACK_CHARS), text=text)
    return text


def _work(document: StepDocument) -> str:
    told = untold(document.language, document.prompt)
    if told is not None:
        return told
    solved = solve(document.prompt)
    if solved is not None:
        return f"{solved[0]} = {solved[1]}"
    earlier = tuple(turn.text for turn in document.history)
    return work(Material.of(document.prompt, document.inputs, earlier), document.language)


def _known(prompt: str, context: Mapping[str, Any] | None, language: str) -> str:
    """What the project context says of the first project the prompt mentions."""
    owner = next((mention.owner for mention in mentions(prompt, context) if mention.owner), None)
    if owner is None:
        return ""
    facts = [f"{key} {_listed(value)}" for key, value in owner.items() if key not in ("key", "name")]
    name = str(owner.get("name") or owner.get("key"))
    return say(language, "project", project=name, facts=short("; ".join(facts), 300) or say(language, "nothing"))


def _listed(value: Json) -> str:
    items = as_list(value)
    return str(value) if items is None else ", ".join(str(item) for item in items)


def _as_json(document: StepDocument, text: str) -> str:
    answer: dict[str, Any] = {"answer": text, "keywords": keywords(document.prompt), "inputs": list(document.inputs)}
    if document.feedback:
        answer["feedback"] = short(document.feedback, _FEEDBACK_CHARS)
    return json.dumps(answer, ensure_ascii=False)
