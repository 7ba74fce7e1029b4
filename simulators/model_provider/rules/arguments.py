"""A tool's parameters from a clause: known names by what they mean, other required ones by their type.

Optional parameters are left out, but for those that say what the clause is about. A tool that needs what the clause
does not tell cannot be used.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from domain.documents import ToolOffer
from simulators.model_provider.json_value import Json, JsonObject, as_list, as_object
from simulators.model_provider.rules import queries
from simulators.model_provider.rules.entities import entities
from simulators.model_provider.rules.facts import Facts
from simulators.model_provider.rules.intents import Verb, named
from simulators.model_provider.rules.words import subject

TEXTS = ("content", "body", "text", "new_content", "markdown", "message", "note", "data", "comment", "description")
"""Parameters that take a text of some length; the first that a tool has takes what is written for it."""

_MAY_BE_WRITTEN = frozenset({"content", "body", "text"})
_USEFUL = frozenset({"limit", "title", "space_key", "issue_type", "page_id"})
"""Optional parameters that are filled where the clause tells them."""
_KEYS = ("_key", "_keys", "_id", "_ids")
"""Ends of names that no word of a clause fills by chance."""
_MOST = 50
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CLOCK = re.compile(r"\b([01]?\d|2[0-3])[:.h]([0-5]\d)\b")
_PAGE_ID = re.compile(r"(?<![\w-])\d{5,15}(?![\w-])")
_TRANSITION_ID = re.compile(r"(?:transition|id)\s+(?:id\s+)?(\d{1,6})\b", re.IGNORECASE)

Filler = Callable[[Facts], Json]


class Filled(NamedTuple):
    """Parameters, and the name of the one that takes a text still to be written; None: nothing is to be written."""

    parameters: JsonObject
    to_write: str | None = None


def fill(offer: ToolOffer, facts: Facts) -> Filled | None:
    """Return a tool's parameters; None when one that it requires is not told."""
    schema = offer.input_schema or {}
    properties = as_object(schema.get("properties")) or {}
    required = [str(name) for name in as_list(schema.get("required")) or ()]
    form = _Form(offer, facts, properties)
    for name in properties:
        if not form.take(name, required=name in required):
            return None
    if properties and not required and not form.parameters:
        return None
    return Filled(form.parameters, form.to_write)


class _Form:
    """The parameters so far. Numbers and names of the clause are used once each, in order."""

    def __init__(self, offer: ToolOffer, facts: Facts, properties: JsonObject) -> None:
        self.parameters: JsonObject = {}
        self.to_write: str | None = None
        self._facts = facts
        self._properties = properties
        does = named(offer.mcp_action_name)
        self._words, self._verb = does.words, does.verb
        self._writes = self._verb not in (Verb.SEARCH, Verb.GET, None)
        self._text = next((name for name in TEXTS if name in properties), None)
        self._numbers = iter(facts.numbers)
        self._names = iter(_names(facts))

    def take(self, name: str, *, required: bool) -> bool:
        """Fill a parameter; return False when it is required and not told."""
        plain = _CAMEL.sub("_", name).lower()
        if name == self._text and (required or plain in _MAY_BE_WRITTEN):
            return self._take_text(name)
        if not required and plain not in _USEFUL:
            return True
        known = _KNOWN.get(plain)
        field = as_object(self._properties.get(name)) or {}
        if plain == "limit":
            value: Json = _limit(field) if self._verb is Verb.SEARCH else None
        elif known is not None:
            value = _as_type(known(self._facts), field)
        else:
            value = self._by_type(field) if required and not plain.endswith(_KEYS) else None
        if value is not None:
            self.parameters[name] = value
        return value is not None or not required

    def _take_text(self, name: str) -> bool:
        told = self._facts.told
        if told is None and "title" not in self._properties:
            told = self._facts.quotation
        if told is None and not self._writes:
            told = self._rest()
        if told is None:
            self.to_write = name
        else:
            self.parameters[name] = told
        return True

    def _rest(self) -> str:
        """Return the clause without the verb that it begins with, or that the tool is called."""
        first, _, rest = self._facts.text.partition(" ")
        return rest if rest and first.lower() in self._words else subject(self._facts.text)

    def _by_type(self, field: JsonObject) -> Json:
        choices = as_list(field.get("enum"))
        if choices:
            words = self._facts.text.lower()
            return next((choice for choice in choices if str(choice).lower() in words), choices[0])
        if field.get("default") is not None:
            return field["default"]
        match field.get("type"):
            case "integer" | "number":
                return _as_type(next(self._numbers, None), field)
            case "boolean":
                return False
            case "string":
                return next(self._names, None)
            case _:
                return None


def _names(facts: Facts) -> list[str]:
    """What the clause names, for parameters that nothing else fills: quotations, names, then what its colon tells."""
    found = [item["value"] for item in entities(facts.text, facts.context) if item["type"] in ("quotation", "name")]
    return [*found, *([facts.told] if facts.told else [])]


def _limit(field: JsonObject) -> int:
    most = field.get("maximum")
    return min(_MOST, most) if isinstance(most, int) else _MOST


def _as_type(value: Json, field: JsonObject) -> Json:
    """Return a value as its parameter's type wants it: one of a list, a list of one, a number as text."""
    kind = field.get("type")
    items = as_list(value)
    if value is None or items == []:
        return None
    if kind == "array":
        return items if items is not None else [value]
    if items is not None:
        value = items[0]
    if kind == "string":
        return str(value)
    return int(value) if kind == "integer" and isinstance(value, float) else value


def _fields(facts: Facts) -> Json:
    """The changes of an issue, as JSON in a text."""
    if facts.told is None:
        return None
    field = "summary" if re.search(r"summary|title|titel|标题|tiêu đề", facts.text, re.IGNORECASE) else "description"
    return json.dumps({field: facts.told}, ensure_ascii=False)


def _found(pattern: re.Pattern[str]) -> Filler:
    def look(facts: Facts) -> Json:
        match = pattern.search(facts.text)
        return None if match is None else match.group(match.lastindex or 0)

    return look


def _clock(facts: Facts) -> Json:
    match = _CLOCK.search(facts.text)
    return None if match is None else f"{int(match.group(1)):02}:{match.group(2)}"


_KNOWN: Mapping[str, Filler] = {
    "jql": queries.jql,
    "cql": queries.cql,
    "query": queries.words,
    "topic": queries.words,
    "pattern": lambda facts: facts.quotation,
    "project_key": lambda facts: facts.project,
    "project": lambda facts: facts.project,
    "space_key": lambda facts: facts.space,
    "space": lambda facts: facts.space,
    "issue_key": lambda facts: facts.issues,
    "issue_keys": lambda facts: facts.issues,
    "issue_type": lambda facts: queries.issue_type(facts.text) or "Task",
    "summary": lambda facts: facts.told or facts.quotation or facts.title,
    "title": lambda facts: facts.title,
    "name": lambda facts: facts.title,
    "page_id": _found(_PAGE_ID),
    "transition_id": _found(_TRANSITION_ID),
    "fields": _fields,
    "url": lambda facts: facts.urls,
    "urls": lambda facts: facts.urls,
    "path": lambda facts: facts.paths,
    "paths": lambda facts: facts.paths,
    "file_path": lambda facts: facts.paths,
    "repo_path": lambda facts: facts.paths,
    "source": lambda facts: facts.paths,
    "destination": lambda facts: facts.paths[1:],
    "timezone": lambda facts: facts.zones or "UTC",
    "source_timezone": lambda facts: facts.zones,
    "target_timezone": lambda facts: facts.zones[1:],
    "time": _clock,
}
