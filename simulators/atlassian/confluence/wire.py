"""Confluence's JSON, as Server answers it under /rest/api."""

from datetime import datetime
from typing import Any

from simulators.atlassian.confluence.cql import plain
from simulators.atlassian.confluence.store import Comment, Confluence, Page, Space, Version

_EXCERPT = 200
USUAL = "history,space,version"
"""What is shown of one page when nothing is said."""


def moment(when: datetime) -> str:
    """Return a time as Confluence writes it."""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03}Z"


def space(one: Space, base: str) -> dict[str, Any]:
    """Return a space."""
    return {
        "id": one.id,
        "key": one.key,
        "name": one.name,
        "type": "global",
        "status": "current",
        "_links": {"webui": f"/display/{one.key}", "self": f"{base}/rest/api/space/{one.key}"},
    }


def version(one: Version) -> dict[str, Any]:
    """Return a version."""
    return {
        "by": one.by.confluence(),
        "when": moment(one.when),
        "message": one.message,
        "number": one.number,
        "minorEdit": one.minor,
        "hidden": False,
    }


def history(page: Page) -> dict[str, Any]:
    """Return who made a page, and who saved it last."""
    first = page.versions[0]
    return {
        "latest": True,
        "createdBy": first.by.confluence(),
        "createdDate": moment(first.when),
        "lastUpdated": version(page.latest),
    }


class Shown:
    """Pages as JSON; only what `expand` names is shown of a page."""

    def __init__(self, confluence: Confluence, base: str) -> None:
        self._confluence = confluence
        self._base = base

    def page(self, page: Page, expand: str, at: Version | None = None) -> dict[str, Any]:
        """Return a page as it is, or as it was at a version."""
        wanted = {name.strip().removeprefix("content.") for name in expand.split(",")}
        shown = at or page.latest
        status = "current" if shown == page.latest else "historical"
        found = self._brief(page) | {"title": shown.title, "status": status}
        found |= self._expanded(page, shown, wanted)
        hidden = {"space": f"/rest/api/space/{page.space.key}"} if "space" not in wanted else {}
        return found | {"_expandable": hidden}

    def pages(self, pages: list[Page], expand: str, start: int, size: int) -> dict[str, Any]:
        """Return a part of a list of pages."""
        part = pages[start : start + size]
        return self.results([self.page(page, expand) for page in part], start, size, more=len(pages) > start + size)

    def results(self, results: list[dict[str, Any]], start: int, size: int, *, more: bool = False) -> dict[str, Any]:
        """Return a part of any list."""
        links = {"base": self._base, "context": ""} | ({"next": f"?start={start + size}&limit={size}"} if more else {})
        return {"results": results, "start": start, "limit": size, "size": len(results), "_links": links}

    def comment(self, comment: Comment, page: Page) -> dict[str, Any]:
        """Return a comment."""
        made = Version(1, f"Re: {page.title}", comment.body, comment.created, comment.author)
        return {
            "id": comment.id,
            "type": "comment",
            "status": "current",
            "title": made.title,
            "body": _body(comment.body),
            "version": version(made),
            "history": {"createdBy": comment.author.confluence(), "createdDate": moment(comment.created)},
            "container": {"id": page.id, "type": page.type, "title": page.title},
            "ancestors": [{"id": comment.parent, "type": "comment"}] if comment.parent else [],
            "extensions": {"location": "footer"},
        }

    def found(self, page: Page, expand: str) -> dict[str, Any]:
        """Return a page as a search's result."""
        return {
            "content": self.page(page, expand),
            "title": page.title,
            "excerpt": plain(page.latest.body).strip()[:_EXCERPT],
            "url": f"/pages/viewpage.action?pageId={page.id}",
            "resultGlobalContainer": {"title": page.space.name, "displayUrl": f"/display/{page.space.key}"},
            "entityType": "content",
            "iconCssClass": "aui-icon content-type-page",
            "lastModified": moment(page.latest.when),
        }

    def _brief(self, page: Page) -> dict[str, Any]:
        links = {
            "webui": f"/pages/viewpage.action?pageId={page.id}",
            "self": f"{self._base}/rest/api/content/{page.id}",
        }
        return {"id": page.id, "type": page.type, "_links": links}

    def _expanded(self, page: Page, shown: Version, wanted: set[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if "space" in wanted:
            found["space"] = space(page.space, self._base)
        if "version" in wanted:
            found["version"] = version(shown)
        if "history" in wanted or "history.lastUpdated" in wanted:
            found["history"] = history(page)
        if wanted & {"body.storage", "body.view", "body"}:
            found["body"] = _body(shown.body)
        if "ancestors" in wanted:
            found["ancestors"] = [self._brief(one) | {"title": one.title} for one in self._confluence.ancestors(page)]
        if any(name.startswith("children") for name in wanted):
            found["children"] = {"attachment": self.results([], 0, 25)}
        if "metadata.labels" in wanted:
            found["metadata"] = {"labels": self.results(labels(page), 0, 200)}
        return found


def labels(page: Page) -> list[dict[str, Any]]:
    """Return the labels of a page."""
    return [{"prefix": "global", "name": name, "id": f"{page.id}-{name}"} for name in page.labels]


def _body(value: str) -> dict[str, Any]:
    return {
        "storage": {"value": value, "representation": "storage"},
        "view": {"value": value, "representation": "view"},
    }
