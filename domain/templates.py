"""References to earlier results inside a tool step's parameters: `{{steps.s1.result.key}}`. Data only, never code.

A text that is one reference and nothing else becomes the value it names, with its type; within a longer text a
reference becomes text (anything but a text as compact JSON). `steps.s1.result` is the step's text; further names are
keys, or indexes, of its JSON. Only paths whose first name is a known root are references: other double braces, such as
Jira's `{{monospace}}`, stay as they are.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from domain.errors import InvalidInput, Problem

MAX_DEPTH = 50
"""Levels of nested parameters."""
RESOLVED_LIMIT = 512 * 1024
"""Bytes of JSON that resolved parameters may have."""

_REFERENCE = re.compile(r"\{\{\s*([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\s*\}\}")
_INDEX = re.compile(r"[0-9]{1,6}")


class Reference(NamedTuple):
    """A reference: the JSON pointer to the text it stands in, and its path."""

    pointer: str
    path: tuple[str, ...]

    @property
    def step_id(self) -> str | None:
        """The step whose result it names; None when it is not spelled `steps.<id>.result…`."""
        match self.path:
            case ("steps", step_id, "result", *_):
                return step_id
            case _:
                return None


class TemplateUnresolved(InvalidInput):
    """A reference names nothing, or the resolved parameters are too large."""

    code = "template_unresolved"


def references(value: JsonValue) -> tuple[Reference, ...]:
    """Return every path in double braces, in order of appearance.

    Raises:
        TemplateUnresolved: The value is nested too deep.
    """
    return tuple(_references(value, "", 0))


def _references(value: JsonValue, pointer: str, depth: int) -> Iterator[Reference]:
    if depth > MAX_DEPTH:
        raise _unresolved("parameters_too_deep", pointer[:100], f"parameters nest at most {MAX_DEPTH} levels")
    if isinstance(value, str):
        for match in _REFERENCE.finditer(value):
            yield Reference(pointer, tuple(match.group(1).split(".")))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _references(item, f"{pointer}/{escape(key)}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, f"{pointer}/{index}", depth + 1)


def escape(key: str) -> str:
    """Return a key as a segment of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def resolve(value: JsonValue, roots: Mapping[str, JsonValue]) -> JsonValue:
    """Return the value with each reference replaced.

    Args:
        value: The parameters.
        roots: What the first name of a path may be, and what it stands for.

    Raises:
        TemplateUnresolved: A reference to a root names nothing, or what it names is no plain JSON or too large; the
            problems say which, by JSON pointer.
    """
    resolved = _Resolver(roots).resolve(value, "", 0)
    size = _size(resolved, "")
    if size > RESOLVED_LIMIT:
        raise _too_large("", size)
    return resolved


def resolve_steps(value: JsonValue, results: Mapping[str, str]) -> JsonValue:
    """Replace references to the results of steps, by step id; results are texts, and JSON where a key is asked for."""
    steps: dict[str, JsonValue] = {step_id: {"result": text} for step_id, text in results.items()}
    return resolve(value, {"steps": steps})


class _Resolver:
    """Replaces references, and counts what it puts in: a thousand references to one large result fit into memory."""

    def __init__(self, roots: Mapping[str, JsonValue]) -> None:
        self._roots = roots
        self._parsed: dict[str, JsonValue] = {}
        self._put_in = 0

    def resolve(self, value: JsonValue, pointer: str, depth: int) -> JsonValue:
        if depth > MAX_DEPTH:
            raise _unresolved("parameters_too_deep", pointer[:100], f"parameters nest at most {MAX_DEPTH} levels")
        if isinstance(value, str):
            return self._text(value, pointer)
        if isinstance(value, dict):
            items = value.items()
            return {key: self.resolve(item, f"{pointer}/{escape(key)}", depth + 1) for key, item in items}
        if isinstance(value, list):
            return [self.resolve(item, f"{pointer}/{index}", depth + 1) for index, item in enumerate(value)]
        return value

    def _text(self, text: str, pointer: str) -> JsonValue:
        whole = _REFERENCE.fullmatch(text.strip())
        if whole is not None and self._is_known(whole):
            return self._look_up(whole, pointer)

        def replace(match: re.Match[str]) -> str:
            if not self._is_known(match):
                return match.group()
            found = self._look_up(match, pointer)
            return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, separators=(",", ":"))

        return _REFERENCE.sub(replace, text)

    def _is_known(self, match: re.Match[str]) -> bool:
        return match.group(1).partition(".")[0] in self._roots

    def _look_up(self, match: re.Match[str], pointer: str) -> JsonValue:
        names = match.group(1).split(".")
        current: JsonValue = self._roots[names[0]]
        for name in names[1:]:
            found, current = self._get(current, name)
            if not found:
                raise _unresolved("reference_unresolved", pointer, f"{match.group(1)} names nothing: no {name!r}")
        self._put_in += _size(current, pointer)
        if self._put_in > RESOLVED_LIMIT:
            raise _too_large(pointer, self._put_in)
        return current

    def _get(self, value: JsonValue, name: str) -> tuple[bool, JsonValue]:
        if isinstance(value, str):
            value = self._parse(value)
        if isinstance(value, dict):
            return name in value, value.get(name)
        if isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
            return True, value[int(name)]
        return False, None

    def _parse(self, text: str) -> JsonValue:
        """Read a result as JSON, once; what is not JSON has no keys."""
        if text not in self._parsed:
            try:
                self._parsed[text] = json.loads(text)
            except (ValueError, RecursionError):
                self._parsed[text] = None
        return self._parsed[text]


def _size(value: JsonValue, pointer: str) -> int:
    """Return how many bytes of JSON a value has; NaN, infinity and a thousand levels are none."""
    try:
        return len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        raise _unresolved("parameters_invalid", pointer, "parameters are plain JSON") from None


def _too_large(pointer: str, size: int) -> TemplateUnresolved:
    message = f"parameters have at most {RESOLVED_LIMIT} bytes, these {size} or more"
    return _unresolved("parameters_too_large", pointer, message)


def _unresolved(code: str, pointer: str, message: str) -> TemplateUnresolved:
    return TemplateUnresolved(message, (Problem(code=code, path=pointer, message=message),))
