"""Confluence's state: spaces, pages with their versions, comments. Every change is recorded as a write."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

from simulators.atlassian.errors import RefusedError
from simulators.atlassian.people import ME, Person
from simulators.atlassian.records import Records


class Space(NamedTuple):
    """A space."""

    id: int
    key: str
    name: str


SPACES = {"DEMO": Space(98_305, "DEMO", "Demo space"), "OPS": Space(98_306, "OPS", "Operations")}


class Version(NamedTuple):
    """A page as it was once saved; `body` is XHTML in storage format."""

    number: int
    title: str
    body: str
    when: datetime
    by: Person = ME
    message: str = ""
    minor: bool = False


@dataclass(slots=True)
class Comment:
    """A comment below a page."""

    id: str
    body: str
    created: datetime
    author: Person = ME
    parent: str | None = None


@dataclass(slots=True)
class Page:
    """A page or blog post with all its versions, oldest first."""

    id: str
    space: Space
    versions: list[Version]
    type: str = "page"
    parent: str | None = None
    labels: list[str] = field(default_factory=list[str])
    comments: list[Comment] = field(default_factory=list[Comment])
    properties: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def latest(self) -> Version:
        """The version that readers see."""
        return self.versions[-1]

    @property
    def title(self) -> str:
        """Its present title."""
        return self.latest.title


class Confluence:
    """All pages."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.pages: dict[str, Page] = {}
        self.reset()

    def reset(self) -> None:
        """Go back to the seed."""
        from simulators.atlassian.confluence.seed import pages  # noqa: PLC0415  the seed is made of what this file defines

        self.pages = {page.id: page for page in pages(datetime.now(UTC) - timedelta(minutes=5))}
        self._ids = count(131_073)

    def space(self, key: str) -> Space:
        """Return the space of that key.

        Raises:
            RefusedError: There is none.
        """
        found = SPACES.get(key.upper())
        if found is None:
            raise RefusedError(404, f"No space with key : {key}")
        return found

    def get(self, page_id: str) -> Page:
        """Return the page of that id.

        Raises:
            RefusedError: There is none.
        """
        found = self.pages.get(page_id)
        if found is None:
            raise RefusedError(404, f"No content found with id: ContentId{{id={page_id}}}")
        return found

    def comment(self, comment_id: str) -> tuple[Page, Comment] | None:
        """Return a comment with its page; None when there is none of that id."""
        for page in self.pages.values():
            for comment in page.comments:
                if comment.id == comment_id:
                    return page, comment
        return None

    def children(self, page: Page) -> list[Page]:
        """Return the pages right below a page."""
        return [one for one in self.pages.values() if one.parent == page.id]

    def ancestors(self, page: Page) -> list[Page]:
        """Return the pages above a page, the top one first."""
        found: list[Page] = []
        above = page.parent
        while above is not None and len(found) < len(self.pages):
            found.insert(0, self.get(above))
            above = found[0].parent
        return found

    def create(self, space: Space, kind: str, title: str, body: str, parent: str | None) -> Page:
        """Add a page.

        Raises:
            RefusedError: The space has one of that title, or there is no such parent.
        """
        self._require_free(space, title, None)
        if parent is not None:
            self.get(parent)
        now = datetime.now(UTC)
        page = Page(str(next(self._ids)), space, [Version(1, title, body, now)], kind, parent)
        self.pages[page.id] = page
        self._records.write("page.created", page.id, {"space": space.key, "title": title, "body": body})
        return page

    def save(self, page: Page, version: Version, parent: str | None) -> None:
        """Add a version to a page.

        Raises:
            RefusedError: The version's number is not the next (409), or another page has its title.
        """
        if version.number != page.latest.number + 1:
            message = f"Version must be incremented on update. Current version is: {page.latest.number}"
            raise RefusedError(409, message)
        self._require_free(page.space, version.title, page)
        page.versions.append(version)
        page.parent = parent or page.parent
        detail = {"space": page.space.key, "title": version.title, "body": version.body, "version": version.number}
        self._records.write("page.updated", page.id, detail | {"message": version.message})

    def delete(self, page: Page) -> None:
        """Remove a page."""
        del self.pages[page.id]
        self._records.write("page.deleted", page.id, {"title": page.title})

    def add_comment(self, page: Page, body: str, parent: str | None) -> Comment:
        """Add a comment to a page, or below another comment."""
        comment = Comment(str(next(self._ids)), body, datetime.now(UTC), parent=parent)
        page.comments.append(comment)
        self._records.write("comment.added", page.id, {"comment": comment.id, "body": body})
        return comment

    def label(self, page: Page, names: list[str]) -> None:
        """Add labels to a page."""
        page.labels = list(dict.fromkeys([*page.labels, *names]))
        self._records.write("page.labelled", page.id, {"labels": names})

    def set_property(self, page: Page, key: str, value: Any) -> None:
        """Set a content property."""
        page.properties[key] = value
        self._records.write("page.property", page.id, {"property": key, "value": value})

    def _require_free(self, space: Space, title: str, own: Page | None) -> None:
        for page in self.pages.values():
            if page is not own and page.space == space and page.title.casefold() == title.casefold():
                message = (
                    "A page with this title already exists: "
                    f"A page already exists with the title {title} in the space with key {space.key}"
                )
                raise RefusedError(400, message)
