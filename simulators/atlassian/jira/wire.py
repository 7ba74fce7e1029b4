"""Jira's JSON, as Server answers it under /rest/api/2."""

from datetime import datetime
from typing import Any

from simulators.atlassian.jira.store import (
    PRIORITIES,
    STATUSES,
    TYPES,
    Comment,
    Issue,
    Project,
    Status,
    Transition,
)

FIELDS = (
    ("summary", "Summary", "string"),
    ("description", "Description", "string"),
    ("issuetype", "Issue Type", "issuetype"),
    ("project", "Project", "project"),
    ("status", "Status", "status"),
    ("priority", "Priority", "priority"),
    ("assignee", "Assignee", "user"),
    ("reporter", "Reporter", "user"),
    ("labels", "Labels", "array"),
    ("components", "Component/s", "array"),
    ("fixVersions", "Fix Version/s", "array"),
    ("resolution", "Resolution", "resolution"),
    ("created", "Created", "datetime"),
    ("updated", "Updated", "datetime"),
    ("duedate", "Due Date", "date"),
    ("comment", "Comment", "comments-page"),
    ("parent", "Parent", "issuelink"),
)
_COLORS = {"new": "blue-gray", "indeterminate": "yellow", "done": "green"}
_CATEGORY_IDS = {"new": 2, "indeterminate": 4, "done": 3}


def moment(when: datetime) -> str:
    """Return a time as Jira writes it."""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03}+0000"


def field_list() -> list[dict[str, Any]]:
    """Return all fields."""
    return [
        {"id": name, "name": title, "custom": False, "navigable": True, "searchable": True, "clauseNames": [name],
         "schema": {"type": kind, "system": name}}
        for name, title, kind in FIELDS
    ]  # fmt: skip


def project(one: Project, base: str) -> dict[str, Any]:
    """Return a project."""
    return {"self": f"{base}/rest/api/2/project/{one.id}", "id": one.id, "key": one.key, "name": one.name}


def issue_type(name: str) -> dict[str, Any]:
    """Return an issue type."""
    return {"id": TYPES[name], "name": name, "subtask": name == "Sub-task"}


def status(one: Status) -> dict[str, Any]:
    """Return a status."""
    category = {
        "id": _CATEGORY_IDS[one.category],
        "key": one.category,
        "colorName": _COLORS[one.category],
        "name": one.category_name,
    }
    return {"id": one.id, "name": one.name, "description": "", "statusCategory": category}


def transition(one: Transition) -> dict[str, Any]:
    """Return a transition."""
    return {"id": one.id, "name": one.name, "to": status(STATUSES[one.target])}


def comment(one: Comment, base: str) -> dict[str, Any]:
    """Return a comment."""
    author = one.author.jira(base)
    written = moment(one.created)
    return {
        "id": one.id,
        "author": author,
        "updateAuthor": author,
        "body": one.body,
        "created": written,
        "updated": written,
    }


def comments(issue: Issue, base: str) -> dict[str, Any]:
    """Return the comments of an issue, oldest first."""
    listed = [comment(one, base) for one in issue.comments]
    return {"startAt": 0, "maxResults": 1_048_576, "total": len(listed), "comments": listed}


def issue(one: Issue, base: str, wanted: str | None, expand: str = "") -> dict[str, Any]:
    """Return an issue with the wanted fields (comma-separated; None or *all: all of them)."""
    fields = _fields(one, base)
    names = set((wanted or "*all").split(","))
    if not names & {"*all", "*navigable"}:
        fields = {name: value for name, value in fields.items() if name in names}
    shown: dict[str, Any] = {
        "id": one.id,
        "key": one.key,
        "self": f"{base}/rest/api/2/issue/{one.id}",
        "fields": fields,
    }
    if "transitions" in expand:
        shown["transitions"] = [transition(each) for each in one.open_transitions()]
    if "names" in expand:
        shown["names"] = {name: title for name, title, _ in FIELDS}
    return shown


def _fields(one: Issue, base: str) -> dict[str, Any]:
    done = one.category == "done"
    return {
        "components": [],
        "fixVersions": [],
        "duedate": None,
        **one.other,
        "summary": one.summary,
        "description": one.description,
        "issuetype": issue_type(one.type),
        "project": project(one.project, base),
        "status": status(STATUSES[one.status]),
        "priority": {"id": PRIORITIES[one.priority], "name": one.priority},
        "assignee": None if one.assignee is None else one.assignee.jira(base),
        "reporter": one.reporter.jira(base),
        "creator": one.reporter.jira(base),
        "labels": one.labels,
        "created": moment(one.created),
        "updated": moment(one.updated),
        "resolution": {"id": "10000", "name": "Done"} if done else None,
        "resolutiondate": moment(one.updated) if done else None,
        "comment": comments(one, base),
        "issuelinks": [],
        "subtasks": [],
        "attachment": [],
    }
