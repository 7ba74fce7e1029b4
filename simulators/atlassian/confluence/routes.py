"""Confluence's endpoints under /rest/api, and under /wiki/rest/api."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.atlassian.confluence import wire
from simulators.atlassian.confluence.cql import search
from simulators.atlassian.confluence.draft import Draft, read_draft
from simulators.atlassian.confluence.store import SPACES, Confluence, Page, Version
from simulators.atlassian.errors import RefusedError
from simulators.atlassian.people import ME
from simulators.atlassian.reading import base_url, json_body, number
from simulators.model_provider.json_value import as_list, as_object

_PAGE, _PAGE_LIMIT = 25, 500
_NO_CONTENT = 204

Endpoint = Callable[[Request], Awaitable[Response]]


class ConfluenceRest:
    """The endpoints of one Confluence."""

    def __init__(self, confluence: Confluence) -> None:
        self._confluence = confluence

    def routes(self) -> list[Route]:
        """Return the routes, under both prefixes."""
        table: list[tuple[str, str, Endpoint]] = [
            ("GET", "/user/current", self.me),
            ("GET", "/space", self.spaces),
            ("GET", "/space/{key}", self.space),
            ("GET", "/search", self.search),
            ("GET", "/content", self.contents),
            ("GET", "/content/search", self.content_search),
            ("POST", "/content", self.create),
            ("POST", "/content/", self.create),
            ("GET", "/content/{id}", self.get),
            ("PUT", "/content/{id}", self.update),
            ("DELETE", "/content/{id}", self.delete),
            ("GET", "/content/{id}/history", self.history),
            ("GET", "/content/{id}/child/{kind}", self.children),
            ("GET", "/content/{id}/label", self.labels),
            ("POST", "/content/{id}/label", self.label),
            ("GET", "/content/{id}/property", self.properties),
            ("POST", "/content/{id}/property", self.set_property),
        ]
        prefixes = ("/wiki/rest/api", "/rest/api")
        return [
            Route(prefix + path, endpoint, methods=[method]) for prefix in prefixes for method, path, endpoint in table
        ]

    async def me(self, _request: Request) -> Response:
        """Return the caller."""
        return JSONResponse(ME.confluence())

    async def spaces(self, request: Request) -> Response:
        """List the spaces."""
        listed = [wire.space(one, base_url(request)) for one in SPACES.values()]
        return JSONResponse(self._shown(request).results(listed, 0, _PAGE))

    async def space(self, request: Request) -> Response:
        """Return one space."""
        return JSONResponse(wire.space(self._confluence.space(request.path_params["key"]), base_url(request)))

    async def search(self, request: Request) -> Response:
        """Find pages by CQL."""
        found, start, size = self._found(request)
        shown = self._shown(request)
        results = [shown.found(page, request.query_params.get("expand", "")) for page in found[start : start + size]]
        total = {"totalSize": len(found), "cqlQuery": request.query_params.get("cql", ""), "searchDuration": 1}
        return JSONResponse(shown.results(results, start, size, more=len(found) > start + size) | total)

    async def content_search(self, request: Request) -> Response:
        """Find pages by CQL; the results are the pages themselves."""
        found, start, size = self._found(request)
        return JSONResponse(self._shown(request).pages(found, request.query_params.get("expand", ""), start, size))

    async def contents(self, request: Request) -> Response:
        """List pages, of one space or with one title if asked so."""
        asked = request.query_params
        key, title = asked.get("spaceKey"), asked.get("title")
        if key is not None:
            self._confluence.space(key)
        found = [
            page
            for page in self._confluence.pages.values()
            if (key is None or page.space.key.casefold() == key.casefold())
            and (title is None or page.title == title)
            and page.type == asked.get("type", "page")
        ]
        start, size = number(asked, "start", 0, 10**6), number(asked, "limit", _PAGE, _PAGE_LIMIT)
        return JSONResponse(self._shown(request).pages(found, asked.get("expand", ""), start, size))

    async def create(self, request: Request) -> Response:
        """Create a page, or a comment on one."""
        body = await json_body(request)
        draft = read_draft(body)
        if draft.type == "comment":
            return self._create_comment(request, draft)
        if not draft.title.strip():
            raise RefusedError(400, "Title must be specified when creating content")
        page = self._confluence.create(
            self._confluence.space(draft.space), draft.type, draft.title, draft.body or "", draft.parent
        )
        return JSONResponse(self._shown(request).page(page, f"{wire.USUAL},body.storage,ancestors"))

    async def get(self, request: Request) -> Response:
        """Return a page, as it is or as it was at a version; or a comment."""
        comment = self._confluence.comment(request.path_params["id"])
        if comment is not None:
            return JSONResponse(self._shown(request).comment(comment[1], comment[0]))
        page = self._page(request)
        expand = request.query_params.get("expand", wire.USUAL)
        return JSONResponse(self._shown(request).page(page, expand, _version(page, request)))

    async def update(self, request: Request) -> Response:
        """Save a page's next version."""
        page = self._page(request)
        draft = read_draft(await json_body(request))
        if draft.version is None:
            raise RefusedError(400, "Must supply an incremented version when updating Content. No version supplied.")
        version = Version(
            number=draft.version,
            title=draft.title or page.title,
            body=page.latest.body if draft.body is None else draft.body,
            when=datetime.now(UTC),
            message=draft.message,
            minor=draft.minor,
        )
        self._confluence.save(page, version, draft.parent)
        return JSONResponse(self._shown(request).page(page, f"{wire.USUAL},body.storage,ancestors"))

    async def delete(self, request: Request) -> Response:
        """Remove a page."""
        self._confluence.delete(self._page(request))
        return Response(status_code=_NO_CONTENT)

    async def history(self, request: Request) -> Response:
        """Return who made a page, and who saved it last."""
        return JSONResponse(wire.history(self._page(request)))

    async def children(self, request: Request) -> Response:
        """List what stands below a page: pages or comments; there is nothing else."""
        page, shown = self._page(request), self._shown(request)
        asked = request.query_params
        start, size = number(asked, "start", 0, 10**6), number(asked, "limit", _PAGE, _PAGE_LIMIT)
        if request.path_params["kind"] == "comment":
            comments = [shown.comment(one, page) for one in page.comments]
            more = len(comments) > start + size
            return JSONResponse(shown.results(comments[start : start + size], start, size, more=more))
        found = self._confluence.children(page) if request.path_params["kind"] == "page" else []
        return JSONResponse(shown.pages(found, asked.get("expand", ""), start, size))

    async def labels(self, request: Request) -> Response:
        """List the labels of a page."""
        return JSONResponse(self._shown(request).results(wire.labels(self._page(request)), 0, 200))

    async def label(self, request: Request) -> Response:
        """Add labels to a page."""
        page = self._page(request)
        raw = await request.json()
        given = [as_object(one) or {} for one in as_list(raw) or [raw]]
        names = [str(one["name"]) for one in given if one.get("name")]
        if not names or any(" " in name for name in names):
            raise RefusedError(400, "The label is not valid.")
        self._confluence.label(page, names)
        return await self.labels(request)

    async def properties(self, request: Request) -> Response:
        """List the content properties of a page."""
        stored = self._page(request).properties
        listed = [{"key": key, "value": value, "version": {"number": 1}} for key, value in stored.items()]
        return JSONResponse(self._shown(request).results(listed, 0, _PAGE))

    async def set_property(self, request: Request) -> Response:
        """Set a content property of a page."""
        body = await json_body(request)
        self._confluence.set_property(self._page(request), str(body.get("key", "")), body.get("value"))
        return JSONResponse(body)

    def _create_comment(self, request: Request, draft: Draft) -> Response:
        page = self._confluence.get(draft.container)
        if not draft.body:
            raise RefusedError(400, "The comment has no body.")
        comment = self._confluence.add_comment(page, draft.body, draft.parent)
        return JSONResponse(self._shown(request).comment(comment, page))

    def _found(self, request: Request) -> tuple[list[Page], int, int]:
        asked = request.query_params
        found = search(self._confluence.pages.values(), asked.get("cql", ""), datetime.now(UTC))
        return found, number(asked, "start", 0, 10**6), number(asked, "limit", _PAGE, _PAGE_LIMIT)

    def _page(self, request: Request) -> Page:
        return self._confluence.get(request.path_params["id"])

    def _shown(self, request: Request) -> wire.Shown:
        return wire.Shown(self._confluence, base_url(request))


def _version(page: Page, request: Request) -> Version | None:
    """Return the version that is asked for."""
    asked: dict[str, Any] = dict(request.query_params)
    if "version" not in asked:
        return None
    wanted = number(asked, "version", 1, 10**6)
    found = next((one for one in page.versions if one.number == wanted), None)
    if found is None:
        raise RefusedError(404, f"No content found with id: ContentId{{id={page.id}}} and version {wanted}")
    return found
