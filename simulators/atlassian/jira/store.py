"""Jira's state: issues and what may be done to them. Every change is recorded as a write."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

from simulators.atlassian.errors import RefusedError
from simulators.atlassian.people import ME, Person
from simulators.atlassian.records import Records


class Status(NamedTuple):
    """A status; `category` is Jira's key: new, indeterminate or done."""

    id: str
    name: str
    category: str
    category_name: str


class Transition(NamedTuple):
    """A way from some statuses to another."""

    id: str
    name: str
    sources: tuple[str, ...]
    target: str


class Project(NamedTuple):
    """A project."""

    id: str
    key: str
    name: str


STATUSES = {
    status.name: status
    for status in (
        Status("10000", "To Do", "new", "To Do"),
        Status("3", "In Progress", "indeterminate", "In Progress"),
        Status("10001", "Done", "done", "Done"),
    )
}
TRANSITIONS = (
    Transition("11", "Stop progress", ("In Progress",), "To Do"),
    Transition("21", "Start progress", ("To Do",), "In Progress"),
    Transition("31", "Done", ("To Do", "In Progress"), "Done"),
    Transition("41", "Reopen", ("Done",), "To Do"),
)
TYPES = {"Epic": "10000", "Bug": "10004", "Task": "10002", "Story": "10001", "Sub-task": "10003"}
PRIORITIES = {"Highest": "1", "High": "2", "Medium": "3", "Low": "4", "Lowest": "5"}
PROJECTS = {"DEMO": Project("10000", "DEMO", "Demo project"), "OPS": Project("10001", "OPS", "Operations")}


@dataclass(slots=True)
class Comment:
    """A comment on an issue."""

    id: str
    author: Person
    body: str
    created: datetime


@dataclass(slots=True)
class Issue:
    """An issue; `other` holds fields that are kept as they were given."""

    id: str
    key: str
    project: Project
    type: str
    summary: str
    created: datetime
    updated: datetime
    status: str = "To Do"
    priority: str = "Medium"
    description: str | None = None
    assignee: Person | None = None
    reporter: Person = ME
    labels: list[str] = field(default_factory=list[str])
    comments: list[Comment] = field(default_factory=list[Comment])
    other: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def category(self) -> str:
        """Its status's category."""
        return STATUSES[self.status].category

    def open_transitions(self) -> list[Transition]:
        """Return what may be done with it now."""
        return [transition for transition in TRANSITIONS if self.status in transition.sources]

    def transition(self, transition_id: str) -> Transition:
        """Return the transition of that id.

        Raises:
            RefusedError: The present status does not lead there.
        """
        for transition in self.open_transitions():
            if transition.id == transition_id:
                return transition
        message = f"The transition {transition_id} is not valid for the current state ('{self.status}')."
        raise RefusedError(400, message)


class Jira:
    """All issues."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.issues: dict[str, Issue] = {}
        self.reset()

    def reset(self) -> None:
        """Go back to the seed."""
        from simulators.atlassian.jira.seed import issues  # noqa: PLC0415  the seed is made of what this file defines

        self.issues = {issue.key: issue for issue in issues(datetime.now(UTC) - timedelta(minutes=5))}
        self._comment_ids = count(10_500)

    def get(self, key: str) -> Issue:
        """Return the issue of that key or id.

        Raises:
            RefusedError: There is none.
        """
        found = self.issues.get(key.upper())
        found = found or next((issue for issue in self.issues.values() if issue.id == key), None)
        if found is None:
            raise RefusedError(404, "Issue Does Not Exist")
        return found

    def new(self, project: Project, kind: str, summary: str) -> Issue:
        """Return an issue that is not among the others yet."""
        numbers = [int(issue.key.partition("-")[2]) for issue in self.issues.values() if issue.project == project]
        number = max(numbers, default=0) + 1
        now = datetime.now(UTC)
        return Issue(f"{project.id}{number:03}", f"{project.key}-{number}", project, kind, summary, now, now)

    def add(self, issue: Issue, fields: dict[str, Any]) -> None:
        """Keep a new issue."""
        self.issues[issue.key] = issue
        self._records.write("issue.created", issue.key, {"fields": fields})

    def changed(self, issue: Issue, kind: str, **detail: Any) -> None:
        """Note that an issue was changed."""
        issue.updated = datetime.now(UTC)
        self._records.write(kind, issue.key, detail)

    def delete(self, issue: Issue) -> None:
        """Remove an issue."""
        del self.issues[issue.key]
        self._records.write("issue.deleted", issue.key, {})

    def move(self, issue: Issue, transition: Transition) -> None:
        """Take an issue to another status."""
        issue.status = transition.target
        self.changed(issue, "issue.transitioned", transition=transition.id, to=transition.target)

    def comment(self, issue: Issue, body: str) -> Comment:
        """Add a comment."""
        added = Comment(str(next(self._comment_ids)), ME, body, datetime.now(UTC))
        issue.comments.append(added)
        self.changed(issue, "comment.added", comment=added.id, body=body)
        return added
