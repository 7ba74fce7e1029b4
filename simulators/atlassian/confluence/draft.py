"""Reading a page, or a comment, that somebody wants to save; what Confluence would not take is refused."""

import html
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from xml.sax import SAXException, parseString
from xml.sax.handler import ContentHandler

from simulators.atlassian.errors import RefusedError
from simulators.model_provider.json_value import as_list, as_object

_PREFIXES = 'xmlns:ac="ac" xmlns:ri="ri"'
_HTML_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)[A-Za-z]\w*;")
_TYPES = ("page", "blogpost", "comment")
TITLE_LIMIT = 255


class Draft(NamedTuple):
    """What a call wants saved; `body` in storage format, None to leave it as it is."""

    type: str
    title: str
    space: str
    body: str | None
    parent: str | None
    container: str
    version: int | None
    message: str
    minor: bool


def read_draft(raw: Mapping[str, Any]) -> Draft:
    """Read a call's JSON.

    Raises:
        RefusedError: It is not what Confluence takes.
    """
    kind = str(raw.get("type", ""))
    title = str(raw.get("title") or "")
    if kind not in _TYPES:
        raise RefusedError(400, f"Content type '{kind}' is not supported.")
    if len(title) > TITLE_LIMIT:
        raise RefusedError(400, f"Title cannot be longer than {TITLE_LIMIT} characters.")
    version = as_object(raw.get("version")) or {}
    number = version.get("number")
    return Draft(
        type=kind,
        title=title,
        space=str((as_object(raw.get("space")) or {}).get("key", "")),
        body=_body(as_object(raw.get("body")) or {}),
        parent=_last_ancestor(raw.get("ancestors")),
        container=str((as_object(raw.get("container")) or {}).get("id", "")),
        version=number if isinstance(number, int) else None,
        message=str(version.get("message") or ""),
        minor=bool(version.get("minorEdit")),
    )


def _body(body: Mapping[str, Any]) -> str | None:
    """Return the body as XHTML. Wiki markup is kept as one paragraph: it is not rendered here."""
    for representation in ("storage", "wiki", "editor"):
        part = as_object(body.get(representation))
        if part is not None:
            value = str(part.get("value", ""))
            return f"<p>{value}</p>" if representation == "wiki" else _well_formed(value)
    return None


def _well_formed(value: str) -> str:
    try:
        plain = _HTML_ENTITY.sub(lambda match: html.unescape(match.group()), value)
        parseString(f"<body {_PREFIXES}>{plain}</body>".encode(), ContentHandler())  # noqa: S317  only looked at
    except SAXException as error:
        raise RefusedError(400, f"Error parsing xhtml: {error}") from error
    return value


def _last_ancestor(raw: Any) -> str | None:
    ancestors = as_list(raw) or []
    last = as_object(ancestors[-1]) if ancestors else None
    return str(last["id"]) if last and "id" in last else None
