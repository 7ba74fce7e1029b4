"""Where the configured values of one kind are kept: one row each, with its source and its revision."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from domain.errors import Conflict, InvalidInput, NotFound, Problem
from domain.model_pool import Account, Deployment, Provider, Route
from domain.revisions import StaleRevision
from domain.value import Value
from services.llm.config.edit import Action, Edit, Kind, Source
from services.storage import json_text
from services.storage.driver import Row
from services.storage.statements import Statements

V = TypeVar("V", bound=Value)
Key = tuple[str, ...]


@dataclass(frozen=True)
class Stored(Generic[V]):
    """A value with what is known of it."""

    value: V
    source: Source
    revision: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Shelf(Generic[V]):
    """The values of one kind.

    Attributes:
        keys: The columns, and the fields of the value, that name it.
        parent: The field that names what it stands on, kept in a column too; "": none.
        limit: How many an installation may have.
    """

    kind: Kind
    table: str
    model: type[V]
    keys: tuple[str, ...] = ("id",)
    parent: str = ""
    limit: int = 1000

    def key_of(self, value: V) -> Key:
        """Return what names a value."""
        return tuple(getattr(value, key) for key in self.keys)

    async def find(self, where: Statements, key: Key) -> Stored[V] | None:
        """Return a value; None: there is none."""
        rows = await where.fetch(_ONE.format(**self._words()), *key)
        return self._stored(rows[0]) if rows else None

    async def get(self, where: Statements, key: Key) -> Stored[V]:
        """Return a value. Raises NotFound."""
        found = await self.find(where, key)
        if found is None:
            raise self.unknown()
        return found

    async def page(self, where: Statements, after: Key | None, of: str | None, limit: int) -> list[Stored[V]]:
        """Return values in the order of their keys, those of one parent (`of`) only when it is given."""
        start = after or ("",) * len(self.keys)
        rows = await where.fetch(_PAGE.format(**self._words()), *start, of or "", limit)
        return [self._stored(row) for row in rows]

    async def all(self, where: Statements) -> dict[Key, Stored[V]]:
        """Return every value by its key."""
        rows = await where.fetch(_ALL.format(**self._words()))
        return {self.key_of(stored.value): stored for stored in map(self._stored, rows)}

    async def missing(self, where: Statements, ids: Iterable[str]) -> frozenset[str]:
        """Return those of some ids that name nothing."""
        rows = await where.fetch(_MISSING.format(**self._words()), sorted(set(ids)))
        return frozenset(row["id"] for row in rows)

    async def make_room(self, where: Statements, more: int = 1) -> None:
        """Check that so many more may be added. Raises InvalidInput."""
        (row,) = await where.fetch(_COUNT.format(**self._words()))
        if row["n"] + more > self.limit:
            raise InvalidInput(f"an installation has at most {self.limit} {self.kind}s")

    async def add(self, edit: Edit, value: V, **noted: Any) -> None:
        """Add a value; `noted` goes into the audit beside it.

        Raises:
            Conflict: There is one of this name.
        """
        if not await edit.tx.fetch(_INSERT.format(**self._words()), *self._row(value), edit.source):
            message = f"there is a {self.kind} of this name already"
            raise Conflict(message, (Problem(code="duplicate_id", path=f"/{self.keys[0]}", message=message),))
        edit.note(Action.CREATE, self.kind, named(self.key_of(value)), {**dumped(value), **noted})

    async def change(
        self, edit: Edit, value: V, *, expected: int | None = None, source: Source | None = None, **noted: Any
    ) -> None:
        """Replace a value.

        Args:
            edit: The change that this is part of.
            value: The new value.
            expected: The revision that it replaces; None: whichever.
            source: Whose it is from now on; None: the editor's.
            noted: Goes into the audit beside it; `action` as what it is called there.

        Raises:
            NotFound: There is none of this name.
            StaleRevision: It has another revision than expected.
        """
        row = (*self._row(value), source or edit.source, expected)
        if not await edit.tx.fetch(_UPDATE.format(**self._words()), *row):
            now = await self.get(edit.tx, self.key_of(value))
            raise StaleRevision(f"the {self.kind} has been changed since: it is at revision {now.revision}")
        action = noted.pop("action", Action.REPLACE)
        edit.note(action, self.kind, named(self.key_of(value)), {**dumped(value), **noted})

    async def switch(self, edit: Edit, key: Key, *, disabled: bool, expected: int | None = None) -> None:
        """Take a value out of use, or into it again.

        Raises:
            NotFound: There is none of this name.
            StaleRevision: It has another revision than expected.
        """
        now = await self.get(edit.tx, key)
        action = Action.DISABLE if disabled else Action.ENABLE
        switched = now.value.model_copy(update={"disabled": disabled})
        await self.change(edit, switched, expected=expected, action=action)

    async def remove(self, edit: Edit, key: Key, expected: int | None = None) -> None:
        """Remove a value.

        Raises:
            NotFound: There is none of this name.
            StaleRevision: It has another revision than expected.
        """
        if not await edit.tx.fetch(_DELETE.format(**self._words()), *key, expected):
            now = await self.get(edit.tx, key)
            raise StaleRevision(f"the {self.kind} has been changed since: it is at revision {now.revision}")
        edit.note(Action.DELETE, self.kind, named(key), {})

    def unknown(self) -> NotFound:
        """Return the error of a name that names nothing."""
        return NotFound(f"there is no such {self.kind}")

    def _words(self) -> dict[str, str]:
        """Return what the statements are filled in with: our own names of tables and columns, and marks."""
        names = [*self.keys, *([self.parent] if self.parent else []), "data", "source"]
        n = len(self.keys)
        return {
            "table": self.table,
            "columns": "data, source, revision, created_at, updated_at",
            "keys": ", ".join(self.keys),
            "key": " AND ".join(f"{key} = ${at}" for at, key in enumerate(self.keys, 1)),
            "after": ", ".join(f"${at}" for at in range(1, n + 1)),
            "parent": self.parent or "''",
            "next": f"${n + 1}",
            "limit": f"${n + 2}",
            "names": ", ".join(names),
            "marks": ", ".join(f"${at}" for at in range(1, len(names) + 1)),
            "settings": ", ".join(f"{name} = ${at}" for at, name in enumerate(names, 1) if name not in self.keys),
            "last": f"${len(names) + 1}",
        }

    def _row(self, value: V) -> list[str]:
        parents = [getattr(value, self.parent)] if self.parent else []
        return [*self.key_of(value), *parents, json_text.encode(value.model_dump(mode="json"))]

    def _stored(self, row: Row) -> Stored[V]:
        value = self.model.model_validate(row["data"])
        return Stored(value, Source(row["source"]), row["revision"], row["created_at"], row["updated_at"])


_ONE = "SELECT {columns} FROM {table} WHERE {key}"
_PAGE = """
    SELECT {columns} FROM {table} WHERE ({keys}) > ({after}) AND {next}::text IN ('', {parent})
    ORDER BY {keys} LIMIT {limit}"""
_ALL = "SELECT {columns} FROM {table} ORDER BY {keys}"
_MISSING = "SELECT w.id FROM unnest($1::text[]) AS w (id) WHERE NOT EXISTS (SELECT FROM {table} t WHERE t.id = w.id)"
_COUNT = "SELECT count(*) AS n FROM {table}"
_INSERT = "INSERT INTO {table} ({names}, revision) VALUES ({marks}, 1) ON CONFLICT DO NOTHING RETURNING revision"
_UPDATE = """
    UPDATE {table} SET {settings}, revision = revision + 1, updated_at = clock_timestamp()
    WHERE {key} AND ({last}::int IS NULL OR revision = {last}) RETURNING revision"""
_DELETE = "DELETE FROM {table} WHERE {key} AND ({next}::int IS NULL OR revision = {next}) RETURNING revision"

PROVIDERS = Shelf(Kind.PROVIDER, "pool_provider", Provider, limit=1000)
ACCOUNTS = Shelf(Kind.ACCOUNT, "pool_account", Account, parent="provider_id", limit=10_000)
DEPLOYMENTS = Shelf(Kind.DEPLOYMENT, "pool_deployment", Deployment, parent="account_id", limit=50_000)
ROUTES = Shelf(Kind.ROUTE, "pool_route", Route, keys=("name", "version"), limit=5000)


def named(key: Key) -> str:
    """Return an object's name in one text: its id, or a route's `name` or `name@version`."""
    return "@".join(part for part in key if part)


def dumped(value: Value) -> dict[str, Any]:
    """Return a value as the audit shows it: what differs from the defaults."""
    return value.model_dump(mode="json", exclude_defaults=True)


def shown(stored: Stored[V]) -> dict[str, Any]:
    """Return the fields of a value and of what is known of it."""
    facts = {name: getattr(stored, name) for name in ("source", "revision", "created_at", "updated_at")}
    return {**{name: getattr(stored.value, name) for name in type(stored.value).model_fields}, **facts}
