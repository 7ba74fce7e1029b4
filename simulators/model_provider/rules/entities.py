"""The things a message names: addresses, keys, dates, quotations, names, numbers, and the project context's own."""

# ruff: noqa: RUF001 - the signs of other scripts are meant

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from simulators.model_provider.json_value import Json, as_list

_MAX = 50
_SCAN = 20_000
_MAX_CONTEXT = 2000
_MAX_DEPTH = 6
_SHORTEST = 2

_PATTERNS = (
    ("url", re.compile(r"https?://[^\s<>\"']{1,500}")),
    ("email", re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b")),
    ("issue", re.compile(r"\b[A-Z][A-Z0-9]{1,9}-\d{1,7}\b")),
    (
        "date",
        re.compile(
            r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\d{4}年\d{1,2}月(?:\d{1,2}日)?"
            r"|\b\d{1,2}\.? (?:January|February|March|April|May|June|July|August|September|October|November|December)"
            r"(?: \d{4})?\b"
            r"|\b(?:today|tomorrow|yesterday|heute|morgen|gestern|aujourd'hui|"
            r"demain|hier|hoy|mañana|ayer|hôm nay|ngày mai)\b"
            r"|今天|明天|昨天|今日|明日|昨日",
            re.IGNORECASE,
        ),
    ),
    ("quotation", re.compile(r"\"[^\"\n]{1,300}\"|“[^”\n]{1,300}”|«[^»\n]{1,300}»|「[^」\n]{1,300}」")),
    (
        "name",
        re.compile(
            r"(?<=[\w,(] )[A-ZÀ-ÞĐ][\w'’-]{1,40}(?: [A-ZÀ-ÞĐ][\w'’-]{1,40}){0,3}"
            r"|\b[A-ZÀ-ÞĐ][\w-]{1,40}(?: [A-ZÀ-ÞĐ][\w-]{1,40}){1,3}"
        ),
    ),
    ("number", re.compile(r"(?<![\w.])-?\d{1,15}(?:[.,]\d{1,9})?(?![\w.]*\w)")),
)
_MARKER = re.compile(r"^\s*\(?\d{1,3}[.)]\s", re.MULTILINE)
_SINGULAR = {"projects": "project", "members": "member", "channels": "channel", "tools": "tool"}


class Mention(NamedTuple):
    """A thing of the project context that a text mentions, and the object of the context it belongs to."""

    type: str
    value: str
    owner: Mapping[str, Any]


def entities(message: str, context: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Return the things a message names, each once, those of the context first."""
    text = _MARKER.sub("", message[:_SCAN])
    found = [{"type": mention.type, "value": mention.value} for mention in mentions(text, context)]
    taken: list[tuple[int, int]] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if not any(match.start() < end and start < match.end() for start, end in taken[:_MAX]):
                taken.append(match.span())
                found.append({"type": kind, "value": match.group().strip('"“”«»「」 ').rstrip(".,;:!?")})
            if len(found) >= _MAX:
                return _unique(found)
    return _unique(found)


def mentions(text: str, context: Mapping[str, Any] | None) -> list[Mention]:
    """Return what a text mentions of the project context."""
    lower = text[:_SCAN].lower()
    found: dict[tuple[str, str], Mention] = {}
    for number, mention in enumerate(_walk(context or {}, "context", {}, 0)):
        if number > _MAX_CONTEXT:
            break
        if _says(lower, mention.value.lower()):
            found.setdefault((mention.type, mention.value), mention)
    return list(found.values())[:_MAX]


def _says(text: str, value: str) -> bool:
    if len(value) < _SHORTEST or value not in text:
        return False
    return re.search(rf"(?<![a-z0-9]){re.escape(value)}(?![a-z0-9])", text) is not None


def _walk(node: Json, kind: str, owner: Mapping[str, Any], depth: int) -> Iterator[Mention]:
    if isinstance(node, str):
        yield Mention(kind, node, owner)
    elif depth < _MAX_DEPTH and isinstance(node, Mapping):
        mapping = cast("Mapping[str, Any]", node)
        for key, item in mapping.items():
            inner = kind if key in ("key", "name") else _SINGULAR.get(key, key)
            yield from _walk(item, inner, mapping if "name" in mapping or "key" in mapping else owner, depth + 1)
    elif depth < _MAX_DEPTH:
        for item in as_list(node) or ():
            yield from _walk(item, kind, owner, depth + 1)


def _unique(found: list[dict[str, str]]) -> list[dict[str, str]]:
    return list({(item["type"], item["value"]): item for item in found}.values())[:_MAX]
