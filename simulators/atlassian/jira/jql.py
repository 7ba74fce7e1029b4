"""JQL: which issues a query finds, and in which order. What it does not know is refused, as Jira does."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from simulators.atlassian.errors import RefusedError
from simulators.atlassian.jira.store import PRIORITIES, PROJECTS, STATUSES, TYPES, Issue
from simulators.atlassian.matching import Matcher, compare_moment, compare_names, compare_text
from simulators.atlassian.people import ME, Person
from simulators.atlassian.query import Clause, Order, QueryError, parse

_NAMES: dict[str, Callable[[Issue], list[str]]] = {
    "project": lambda issue: [issue.project.key, issue.project.name, issue.project.id],
    "key": lambda issue: [issue.key, issue.id],
    "issuetype": lambda issue: [issue.type, TYPES[issue.type]],
    "status": lambda issue: [issue.status, STATUSES[issue.status].id],
    "statuscategory": lambda issue: [issue.category, STATUSES[issue.status].category_name],
    "priority": lambda issue: [issue.priority, PRIORITIES[issue.priority]],
    "assignee": lambda issue: _person(issue.assignee),
    "reporter": lambda issue: _person(issue.reporter),
    "labels": lambda issue: issue.labels,
    "resolution": lambda issue: ["Done"] if issue.category == "done" else ["Unresolved"],
}
_TEXTS: dict[str, Callable[[Issue], str]] = {
    "summary": lambda issue: issue.summary,
    "description": lambda issue: issue.description or "",
    "comment": lambda issue: "\n".join(comment.body for comment in issue.comments),
    "text": lambda issue: "\n".join(
        [issue.summary, issue.description or "", *(comment.body for comment in issue.comments)]
    ),
}
_MOMENTS: dict[str, Callable[[Issue], datetime]] = {
    "created": lambda issue: issue.created,
    "updated": lambda issue: issue.updated,
}
_OTHER_NAMES = {
    "issue": "key", "issuekey": "key", "id": "key", "type": "issuetype", "createddate": "created",
    "updateddate": "updated", "label": "labels",
}  # fmt: skip
_KNOWN = {
    "project": {name.casefold() for one in PROJECTS.values() for name in (one.key, one.name, one.id)},
    "issuetype": {name.casefold() for pair in TYPES.items() for name in pair},
    "status": {name.casefold() for one in STATUSES.values() for name in (one.name, one.id)},
    "priority": {name.casefold() for pair in PRIORITIES.items() for name in pair},
}


def search(issues: Iterable[Issue], text: str, now: datetime) -> list[Issue]:
    """Return the issues that a query finds, newest first unless it says otherwise.

    Raises:
        RefusedError: 400, when the query is not understood.
    """
    try:
        query = parse(text)
        found = [issue for issue in issues if _Judge(issue, now).holds(query.condition)]
        for order in reversed(query.orders or (Order("created", descending=True),)):
            found.sort(key=_sort_key(order), reverse=order.descending)
    except QueryError as error:
        raise RefusedError(400, f"Error in the JQL Query: {error}") from error
    return found


class _Judge(Matcher):
    def __init__(self, issue: Issue, now: datetime) -> None:
        self._issue = issue
        self._now = now

    def clause(self, clause: Clause) -> bool:
        """Return whether one comparison is true of the issue."""
        field = _field(clause.field)
        if field in _TEXTS:
            return compare_text(clause, _TEXTS[field](self._issue))
        if field in _MOMENTS:
            return compare_moment(clause, _MOMENTS[field](self._issue), self._now)
        _require_known(clause, field)
        names = _NAMES[field](self._issue)
        if field == "resolution" and clause.operator in ("is", "is not"):
            names = [] if names == ["Unresolved"] else names
        return compare_names(clause, names, ME.name)


def _field(name: str) -> str:
    lowered = name.lower()
    field = _OTHER_NAMES.get(lowered, lowered)
    if field not in _NAMES and field not in _TEXTS and field not in _MOMENTS:
        raise QueryError(f"Field '{name}' does not exist or you do not have permission to view it.")
    return field


def _require_known(clause: Clause, field: str) -> None:
    known = _KNOWN.get(field)
    for value in clause.values:
        if known is not None and value.text is not None and value.text.casefold() not in known:
            raise QueryError(f"The value '{value.text}' does not exist for the field '{clause.field}'.")


def _person(person: Person | None) -> list[str]:
    return [] if person is None else [person.name, person.display, f"{person.name}@example.com"]


def _sort_key(order: Order) -> Callable[[Issue], Any]:
    field = _field(order.field)
    if field in _MOMENTS:
        return _MOMENTS[field]
    if field in _TEXTS:
        return lambda issue: _TEXTS[field](issue).casefold()
    if field == "key":
        return lambda issue: (issue.project.key, int(issue.key.partition("-")[2]))
    if field == "priority":
        # The most urgent has the lowest number and comes first in descending order.
        return lambda issue: -int(PRIORITIES[issue.priority])
    return _NAMES[field]
