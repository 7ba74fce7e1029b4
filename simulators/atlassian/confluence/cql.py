"""CQL: which pages a query finds, and in which order. What it does not know is refused, as Confluence does."""

import html
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from simulators.atlassian.confluence.store import Page
from simulators.atlassian.errors import RefusedError
from simulators.atlassian.matching import Matcher, compare_moment, compare_names, compare_text
from simulators.atlassian.people import ME
from simulators.atlassian.query import Clause, Order, QueryError, parse

_TAG = re.compile(r"<[^>]+>")
_TEXTS: dict[str, Callable[[Page], str]] = {
    "title": lambda page: page.title,
    "text": lambda page: f"{page.title}\n{plain(page.latest.body)}",
    "sitesearch": lambda page: f"{page.title}\n{plain(page.latest.body)}\n{' '.join(page.labels)}",
}
_NAMES: dict[str, Callable[[Page], list[str]]] = {
    "type": lambda page: [page.type],
    "space": lambda page: [page.space.key],
    "title": lambda page: [page.title],
    "label": lambda page: page.labels,
    "id": lambda page: [page.id],
    "parent": lambda page: [page.parent] if page.parent else [],
    "creator": lambda page: [page.versions[0].by.name],
    "contributor": lambda page: [version.by.name for version in page.versions],
}
_MOMENTS: dict[str, Callable[[Page], datetime]] = {
    "created": lambda page: page.versions[0].when,
    "lastmodified": lambda page: page.latest.when,
}
_OTHER_NAMES = {"space.key": "space", "content": "id"}


def plain(body: str) -> str:
    """Return the text of a page's XHTML."""
    return html.unescape(_TAG.sub(" ", body))


def search(pages: Iterable[Page], text: str, now: datetime) -> list[Page]:
    """Return the pages that a query finds.

    Raises:
        RefusedError: 400, when the query is not understood.
    """
    if not text.strip():
        raise RefusedError(400, "The query cannot be empty.")
    try:
        query = parse(text)
        found = [page for page in pages if _Judge(page, now).holds(query.condition)]
        for order in reversed(query.orders):
            found.sort(key=_sort_key(order), reverse=order.descending)
    except QueryError as error:
        raise RefusedError(400, f"Could not parse cql : {text} : {error}") from error
    return found


class _Judge(Matcher):
    def __init__(self, page: Page, now: datetime) -> None:
        self._page = page
        self._now = now

    def clause(self, clause: Clause) -> bool:
        """Return whether one comparison is true of the page."""
        field = _field(clause.field)
        if field in _TEXTS and clause.operator in ("~", "!~"):
            return compare_text(clause, _TEXTS[field](self._page))
        if field in _MOMENTS:
            return compare_moment(clause, _MOMENTS[field](self._page), self._now)
        if field in _NAMES:
            return compare_names(clause, _NAMES[field](self._page), ME.name)
        raise QueryError(f"the operator {clause.operator} is not supported for the field {clause.field}")


def _field(name: str) -> str:
    lowered = name.lower()
    field = _OTHER_NAMES.get(lowered, lowered)
    if field not in _NAMES and field not in _TEXTS and field not in _MOMENTS:
        raise QueryError(f"No field exists with name: {name}")
    return field


def _sort_key(order: Order) -> Callable[[Page], Any]:
    field = _field(order.field)
    if field in _TEXTS:
        return lambda page: _TEXTS[field](page).casefold()
    return _MOMENTS.get(field) or _NAMES[field]
