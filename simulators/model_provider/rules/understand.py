"""The understand task: intent, entities, language, and whether the message is simple and clear."""

from typing import Any

from domain.documents import UnderstandDocument
from simulators.model_provider.rules.choosing import needs_tool
from simulators.model_provider.rules.entities import entities
from simulators.model_provider.rules.languages import detect
from simulators.model_provider.rules.links import Part, parts
from simulators.model_provider.rules.operations import Operation, operation_of
from simulators.model_provider.rules.phrases import say
from simulators.model_provider.rules.vagueness import is_greeting, is_vague
from simulators.model_provider.rules.words import short

_AGENTS = {
    Operation.COUNT: "analyst",
    Operation.SUMMARISE: "editor",
    Operation.TRANSLATE: "translator",
    Operation.COMPARE: "analyst",
    Operation.EXTRACT: "analyst",
    Operation.COMBINE: "editor",
    Operation.LIST: "researcher",
    Operation.WRITE: "writer",
    Operation.ANSWER: "researcher",
}
_MAX_DESCRIPTION = 20_000


def understand(document: UnderstandDocument) -> dict[str, Any]:
    """Return an `Understanding` of the document's message."""
    language = document.language or detect(document.message)
    clear = document.clarification is not None or bool(document.history) or not is_vague(document.message)
    found = parts(_source(document))
    return {
        "intent": _intent(_source(document), found),
        "entities": entities(document.message, document.context),
        "required_agents": _agents(found),
        "detailed_description": _description(document),
        "language": language,
        "simple": clear and _simple(found) and not any(needs_tool(part.text, document.tools) for part in found),
        "clear": clear,
        "question": None if clear else say(language, "question"),
        "assumption": None if clear else say(language, "assumption"),
    }


def _simple(found: list[Part]) -> bool:
    return not found or (len(found) == 1 and found[0].kind == "generate" and not found[0].options)


def _intent(message: str, found: list[Part]) -> str:
    if is_greeting(message):
        return "greeting"
    if not found:
        return short(message, 120) or "nothing"
    return f"{operation_of(found[0].text)}: {short(found[0].text, 150)}"


def _agents(found: list[Part]) -> list[str]:
    kinds = ("human" if part.kind == "human" else _AGENTS[operation_of(part.text)] for part in found)
    return list(dict.fromkeys(kinds))


def _source(document: UnderstandDocument) -> str:
    """What says the work to be done: the message, or the reply about a vague one."""
    clarification = document.clarification
    if clarification is not None and clarification.reply and is_vague(document.message):
        return clarification.reply
    return document.message


def _description(document: UnderstandDocument) -> str:
    """The message, and the reply to an earlier question or what was assumed for want of one."""
    clarification = document.clarification
    if clarification is None:
        return document.message[:_MAX_DESCRIPTION]
    addition = clarification.reply or say(document.language or detect(document.message), "assumption")
    return f"{document.message}\n{addition}"[:_MAX_DESCRIPTION]
