"""Reading the fields of an issue that somebody wants to create or change; what Jira would not take is refused."""

from collections.abc import Mapping
from typing import Any

from simulators.atlassian.errors import RefusedError
from simulators.atlassian.jira.store import PRIORITIES, PROJECTS, TYPES, Issue, Project
from simulators.atlassian.people import Person, find
from simulators.model_provider.json_value import as_list, as_object

SUMMARY_LIMIT = 255
_OTHER = ("components", "fixVersions", "duedate", "parent", "environment")


def project_of(fields: Mapping[str, Any]) -> Project:
    """Return the project that the fields name.

    Raises:
        RefusedError: There is none, or no such.
    """
    named = as_object(fields.get("project")) or {}
    wanted = (str(named.get("key", "")), str(named.get("id", "")))
    for project in PROJECTS.values():
        if project.key == wanted[0] or project.id == wanted[1]:
            return project
    raise RefusedError(400, "valid project is required", "project")


def type_of(fields: Mapping[str, Any]) -> str:
    """Return the issue type that the fields name.

    Raises:
        RefusedError: There is none, or no such.
    """
    named = as_object(fields.get("issuetype")) or {}
    for name, number in TYPES.items():
        if number == str(named.get("id", "")) or name.casefold() == str(named.get("name", "")).casefold():
            return name
    raise RefusedError(400, "valid issue type is required", "issuetype")


def apply(issue: Issue, fields: Mapping[str, Any]) -> None:
    """Write fields into an issue; all of them or, when one is wrong, none.

    Raises:
        RefusedError: A field is wrong or not known.
    """
    changes: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ("project", "issuetype"):
            continue
        changes |= _read(name, value)
    for name, value in changes.items():
        if name in _OTHER:
            issue.other[name] = value
        else:
            setattr(issue, name, value)


def _read(name: str, value: Any) -> dict[str, Any]:
    match name:
        case "summary":
            return {"summary": _summary(value)}
        case "description":
            return {"description": _text(name, value)}
        case "labels":
            return {"labels": _labels(value)}
        case "priority":
            return {"priority": _priority(value)}
        case "assignee":
            return {"assignee": person(value)}
        case _ if name in _OTHER:
            return {name: value}
        case _:
            message = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
            raise RefusedError(400, message, name)


def _summary(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise RefusedError(400, "You must specify a summary of the issue.", "summary")
    if "\n" in value or len(value) > SUMMARY_LIMIT:
        raise RefusedError(400, f"Summary must be one line of at most {SUMMARY_LIMIT} characters.", "summary")
    return value


def _text(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise RefusedError(400, "Operation value must be a string", name)
    return value


def _labels(value: Any) -> list[str]:
    labels = as_list(value)
    if labels is None or not all(isinstance(label, str) for label in labels):
        raise RefusedError(400, "data was not an array", "labels")
    spaced = next((label for label in labels if " " in label), None)
    if spaced is not None:
        raise RefusedError(400, f"The label '{spaced}' contains spaces which is invalid.", "labels")
    return list(dict.fromkeys(labels))


def _priority(value: Any) -> str:
    named = as_object(value) or {}
    for name, number in PRIORITIES.items():
        if number == str(named.get("id", "")) or name.casefold() == str(named.get("name", "")).casefold():
            return name
    raise RefusedError(400, f"Priority name '{named.get('name', '')}' is not valid", "priority")


def person(value: Any) -> Person | None:
    """Return the user that `{"name": …}` names; None for nobody.

    Raises:
        RefusedError: There is no such user.
    """
    name = (as_object(value) or {}).get("name")
    if name is None:
        return None
    found = find(str(name))
    if found is None:
        raise RefusedError(400, f"User '{name}' does not exist.", "assignee")
    return found
