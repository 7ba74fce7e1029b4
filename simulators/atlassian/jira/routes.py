"""Jira's endpoints under /rest/api/2."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.atlassian.errors import JSON_TYPE, RefusedError
from simulators.atlassian.jira import editing, wire
from simulators.atlassian.jira.jql import search
from simulators.atlassian.jira.store import PROJECTS, TYPES, Issue, Jira, Project
from simulators.atlassian.people import ME, PEOPLE, find
from simulators.atlassian.reading import base_url, json_body, number
from simulators.model_provider.json_value import as_list, as_object

PREFIX = "/rest/api/2"
_PAGE = 50
_PAGE_LIMIT = 1000
_CREATED, _NO_CONTENT = 201, 204

Endpoint = Callable[[Request], Awaitable[Response]]


class JiraRest:
    """The endpoints of one Jira."""

    def __init__(self, jira: Jira) -> None:
        self._jira = jira

    def routes(self) -> list[Route]:
        """Return the routes."""
        table: list[tuple[str, str, Endpoint]] = [
            ("GET", "/serverInfo", self.server_info),
            ("GET", "/myself", self.myself),
            ("GET", "/user", self.user),
            ("GET", "/user/search", self.users),
            ("GET", "/user/assignable/search", self.users),
            ("GET", "/field", self.fields),
            ("GET", "/project", self.projects),
            ("GET", "/project/{key}", self.project),
            ("GET", "/issue/createmeta/{key}/issuetypes", self.issue_types),
            ("GET", "/search", self.search),
            ("POST", "/search", self.search),
            ("POST", "/issue", self.create),
            ("GET", "/issue/{key}", self.get),
            ("PUT", "/issue/{key}", self.update),
            ("DELETE", "/issue/{key}", self.delete),
            ("PUT", "/issue/{key}/assignee", self.assign),
            ("GET", "/issue/{key}/comment", self.comments),
            ("POST", "/issue/{key}/comment", self.add_comment),
            ("GET", "/issue/{key}/transitions", self.transitions),
            ("POST", "/issue/{key}/transitions", self.move),
        ]
        return [Route(PREFIX + path, endpoint, methods=[method]) for method, path, endpoint in table]

    async def server_info(self, request: Request) -> Response:
        """Say what this is."""
        return _json(
            {"baseUrl": base_url(request), "version": "9.12.0", "versionNumbers": [9, 12, 0],
             "deploymentType": "Server", "serverTitle": "Simulated Jira"}
        )  # fmt: skip

    async def myself(self, request: Request) -> Response:
        """Return the caller."""
        return _json(ME.jira(base_url(request)))

    async def user(self, request: Request) -> Response:
        """Return one user."""
        found = find(request.query_params.get("username") or request.query_params.get("key") or "")
        if found is None:
            raise RefusedError(404, "The user named does not exist")
        return _json(found.jira(base_url(request)))

    async def users(self, request: Request) -> Response:
        """Find users by a part of their name."""
        wanted = request.query_params.get("username", "").casefold().removesuffix("@example.com")
        found = [one for one in PEOPLE.values() if wanted in one.name or wanted in one.display.casefold()]
        return _json([one.jira(base_url(request)) for one in found])

    async def fields(self, _request: Request) -> Response:
        """List the fields."""
        return _json(wire.field_list())

    async def projects(self, request: Request) -> Response:
        """List the projects."""
        return _json([wire.project(one, base_url(request)) for one in PROJECTS.values()])

    async def project(self, request: Request) -> Response:
        """Return one project."""
        return _json(
            wire.project(_project(request), base_url(request))
            | {"issueTypes": [wire.issue_type(name) for name in TYPES], "lead": ME.jira(base_url(request))}
        )

    async def issue_types(self, request: Request) -> Response:
        """List the types that an issue of a project may have."""
        _project(request)
        values = [wire.issue_type(name) for name in TYPES]
        return _json({"maxResults": _PAGE, "startAt": 0, "total": len(values), "isLast": True, "values": values})

    async def search(self, request: Request) -> Response:
        """Find issues by JQL."""
        asked: dict[str, Any] = dict(request.query_params)
        if request.method == "POST":
            asked |= await json_body(request)
        start = number(asked, "startAt", 0, 10**6)
        size = number(asked, "maxResults", _PAGE, _PAGE_LIMIT)
        fields = asked.get("fields")
        wanted = ",".join(as_list(fields) or []) if not isinstance(fields, str) else fields
        found = search(self._jira.issues.values(), str(asked.get("jql", "")), datetime.now(UTC))
        shown = [
            wire.issue(one, base_url(request), wanted or None, str(asked.get("expand", "")))
            for one in found[start : start + size]
        ]
        return _json({"startAt": start, "maxResults": size, "total": len(found), "issues": shown})

    async def create(self, request: Request) -> Response:
        """Create an issue."""
        fields = as_object((await json_body(request)).get("fields")) or {}
        project, kind = editing.project_of(fields), editing.type_of(fields)
        issue = self._jira.new(project, kind, "")
        editing.apply(issue, {"summary": None} | fields)
        self._jira.add(issue, fields)
        link = f"{base_url(request)}{PREFIX}/issue/{issue.id}"
        return _json({"id": issue.id, "key": issue.key, "self": link}, _CREATED)

    async def get(self, request: Request) -> Response:
        """Return an issue."""
        asked = request.query_params
        shown = wire.issue(self._issue(request), base_url(request), asked.get("fields"), asked.get("expand", ""))
        return _json(shown)

    async def update(self, request: Request) -> Response:
        """Change the fields of an issue."""
        issue = self._issue(request)
        body = await json_body(request)
        fields = as_object(body.get("fields")) or {}
        editing.apply(issue, fields)
        self._jira.changed(issue, "issue.updated", fields=fields)
        self._add_comments(issue, body)
        return Response(status_code=_NO_CONTENT)

    async def delete(self, request: Request) -> Response:
        """Remove an issue."""
        self._jira.delete(self._issue(request))
        return Response(status_code=_NO_CONTENT)

    async def assign(self, request: Request) -> Response:
        """Give an issue to somebody, or to nobody."""
        issue = self._issue(request)
        issue.assignee = editing.person(await json_body(request))
        self._jira.changed(issue, "issue.assigned", to=issue.assignee.name if issue.assignee else None)
        return Response(status_code=_NO_CONTENT)

    async def comments(self, request: Request) -> Response:
        """List the comments of an issue, oldest first."""
        return _json(wire.comments(self._issue(request), base_url(request)))

    async def add_comment(self, request: Request) -> Response:
        """Add a comment."""
        issue = self._issue(request)
        body = (await json_body(request)).get("body")
        return _json(wire.comment(self._jira.comment(issue, _comment_text(body)), base_url(request)), _CREATED)

    async def transitions(self, request: Request) -> Response:
        """List what may be done with an issue now."""
        listed = [wire.transition(one) for one in self._issue(request).open_transitions()]
        return _json({"expand": "transitions", "transitions": listed})

    async def move(self, request: Request) -> Response:
        """Take an issue to another status, with fields and a comment if given."""
        issue = self._issue(request)
        body = await json_body(request)
        transition = issue.transition(str((as_object(body.get("transition")) or {}).get("id", "")))
        fields = {name: value for name, value in (as_object(body.get("fields")) or {}).items() if name != "resolution"}
        editing.apply(issue, fields)
        self._jira.move(issue, transition)
        self._add_comments(issue, body)
        return Response(status_code=_NO_CONTENT)

    def _issue(self, request: Request) -> Issue:
        return self._jira.get(request.path_params["key"])

    def _add_comments(self, issue: Issue, body: dict[str, Any]) -> None:
        """Add what `{"update": {"comment": [{"add": {"body": …}}]}}` brings."""
        update = as_object(body.get("update")) or {}
        for operation in as_list(update.get("comment")) or []:
            added = as_object((as_object(operation) or {}).get("add"))
            if added is not None:
                self._jira.comment(issue, _comment_text(added.get("body")))


def _project(request: Request) -> Project:
    key = request.path_params["key"].upper()
    found = next((one for one in PROJECTS.values() if key in (one.key, one.id)), None)
    if found is None:
        raise RefusedError(404, f"No project could be found with key '{key}'.")
    return found


def _comment_text(body: Any) -> str:
    if not isinstance(body, str) or not body.strip():
        raise RefusedError(400, "Comment body can not be empty!", "comment")
    return body


def _json(body: Any, status: int = 200) -> Response:
    return JSONResponse(body, status, media_type=JSON_TYPE)
