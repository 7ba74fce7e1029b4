"""URI templates of level 1 (RFC 6570): `{name}` stands for one percent-encoded value, and nothing else is taken."""

import re
import string
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from domain.errors import Problem, ToolArgumentsInvalid, ToolRefused
from domain.tools import URI_LIMIT

_VARIABLE = re.compile(r"\{([A-Za-z0-9_]{1,64})\}")
_OF_VALUES = frozenset(f"{string.ascii_letters}{string.digits}._~%-")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]*\Z")


def is_uri(text: str) -> bool:
    """Whether a text is a URI that we take: a scheme, printable ASCII, not too long."""
    return len(text) <= URI_LIMIT and _URI.match(text) is not None


def is_template(text: str) -> bool:
    """Whether a resource's name is a template."""
    return "{" in text


def variables(template: str) -> tuple[str, ...] | None:
    """Return a template's variables in order; None when it is of a higher level or no template."""
    names = _VARIABLE.findall(template)
    rest = _VARIABLE.sub("", template)
    sound = is_uri(template) and not set("{}") & set(rest) and len(set(names)) == len(names)
    return tuple(names) if sound and names else None


def expand(template: str, arguments: Mapping[str, Any]) -> str:
    """Return the URI that a template and values make.

    Raises:
        ToolArgumentsInvalid: A variable has no value, or there is one too many.
        ToolRefused: It is no template of level 1, or the URI is too long.
    """
    names = variables(template)
    if names is None:
        raise ToolRefused("this resource template is not supported")
    problems = [
        Problem(code="schema", path=f"/{name}", message="this value is missing")
        for name in names
        if name not in arguments
    ]
    problems += [
        Problem(code="schema", path=f"/{name}", message="the template takes no such value")
        for name in arguments
        if name not in names
    ]
    if problems:
        raise ToolArgumentsInvalid("the values do not fit the resource template", tuple(problems[:20]))
    uri = _VARIABLE.sub(lambda found: quote(_text(arguments[found[1]]), safe="-._~"), template)
    if not is_uri(uri):
        raise ToolRefused("the resource's address is too long")
    return uri


def matches(template: str, uri: str) -> bool:
    """Whether a URI is one that a template can make; in time linear in the URI for each variable."""
    if variables(template) is None:
        return False
    reached = {0}
    for at, part in enumerate(re.split(_VARIABLE, template)):
        is_variable = at % 2 == 1
        reached = _through_value(uri, reached) if is_variable else _through_literal(uri, reached, part)
    return len(uri) in reached


def _through_literal(uri: str, reached: set[int], literal: str) -> set[int]:
    return {at + len(literal) for at in reached if uri.startswith(literal, at)}


def _through_value(uri: str, reached: set[int]) -> set[int]:
    """Return where a value can end that begins at one of these places."""
    ends = set(reached)
    running = False
    for at, char in enumerate(uri):
        running = (running or at in reached) and char in _OF_VALUES
        if running:
            ends.add(at + 1)
    return ends


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
