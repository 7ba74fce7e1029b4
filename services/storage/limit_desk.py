"""Limits of callers as admins set them. Each change counts the version up by which processes see it, and is audited.

A limit is known by its subject, kind and window; what changes is its amount.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from domain import ids
from domain.caller_limits import PER_SUBJECT, LimitTerms
from domain.errors import Conflict, NotFound
from domain.value import Value
from services.storage import audit
from services.storage.audit import Act, By
from services.storage.database import Database, Tx
from services.storage.statements import Statements

_COUNT_UP: Final = "UPDATE caller_limit_version SET version = version + 1 WHERE id = 1"
_PAGE: Final = """
    SELECT * FROM caller_limit
    WHERE id > $1 AND ($2::text IS NULL OR tenant = $2) AND ($3::text IS NULL OR subject = $3) ORDER BY id LIMIT $4"""
_READ: Final = "SELECT * FROM caller_limit WHERE id = $1 AND ($2::text IS NULL OR tenant = $2)"
_OF: Final = "SELECT * FROM caller_limit WHERE subject = ANY ($1::text[]) ORDER BY id"
_NUMBER: Final = "SELECT count(*) FROM caller_limit WHERE subject = $1"
_INSERT: Final = """
    INSERT INTO caller_limit (id, tenant, subject, kind, window_s, amount, revision) VALUES ($1, $2, $3, $4, $5, $6, 1)
    ON CONFLICT (subject, kind, window_s) DO NOTHING RETURNING *"""
_UPDATE: Final = """
    UPDATE caller_limit SET amount = $2, revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = $1 RETURNING *"""
_REMOVE: Final = (
    "DELETE FROM caller_limit WHERE id = $1",
    "DELETE FROM caller_use WHERE limit_id = $1",
    "DELETE FROM caller_window WHERE limit_id = $1",
)
_FORGET: Final = "SELECT id FROM caller_limit WHERE subject = $1 ORDER BY id"
_OWNERS: Final = {
    "tenant": "SELECT id AS tenant FROM tenant WHERE id = $1",
    "user": "SELECT tenant FROM app_user WHERE id = $1",
    "key": "SELECT tenant FROM api_key WHERE id = $1",
}


class LimitView(Value):
    """A limit as it is kept. `tenant`: whose admins see it."""

    id: str
    tenant: str
    subject: str
    kind: str
    window_s: int
    amount: int
    revision: int
    created_at: datetime
    updated_at: datetime


async def tenant_of(tx: Tx, subject: str) -> str:
    """Return the tenant of a key, user or tenant.

    Raises:
        NotFound: There is no such subject.
    """
    kind, _, name = subject.partition(":")
    found = await tx.driver.fetchval(_OWNERS[kind], name)
    if found is None:
        raise NotFound(f"there is no such {kind}")
    return str(found)


class LimitDesk:
    """Reads and changes limits. `tenant` None, wherever it is asked for: of all tenants."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def page(self, tenant: str | None, subject: str | None, after: str, size: int) -> list[LimitView]:
        """Return limits, the oldest first, from the one after the id `after` on; at most `size`."""
        rows = await self._db.fetch(_PAGE, after, tenant, subject, size)
        return [_view(row) for row in rows]

    async def read(self, tenant: str | None, limit_id: str) -> LimitView:
        """Return a limit. Raises NotFound."""
        return _only(await self._db.fetch(_READ, limit_id, tenant))

    async def create(self, by: By, tenant: str, subject: str, terms: LimitTerms) -> LimitView:
        """Add a limit of a subject of this tenant.

        Raises:
            Conflict: The subject has one of this kind and window, or as many as it may have.
        """
        async with self._db.transaction() as tx:
            return await add(tx, by, tenant, subject, terms)

    async def change(self, by: By, before: LimitView, amount: int) -> LimitView:
        """Give a limit another amount; what was used of it stays counted. Raises NotFound."""
        async with self._db.transaction() as tx:
            await tx.driver.execute(_COUNT_UP)
            view = _only(await tx.fetch(_UPDATE, before.id, amount))
            await audit.record(tx, by, _act("change", view, before=before.amount))
        return view

    async def delete(self, by: By, limit: LimitView) -> None:
        """Remove a limit."""
        async with self._db.transaction() as tx:
            await tx.driver.execute(_COUNT_UP)
            await _remove(tx, limit.id)
            await audit.record(tx, by, _act("delete", limit))


async def add(tx: Tx, by: By, tenant: str, subject: str, terms: LimitTerms) -> LimitView:
    """Add a limit of a subject of this tenant, in a transaction of its own or with the making of its subject.

    Raises:
        Conflict: The subject has one of this kind and window, or as many as it may have.
    """
    await tx.driver.execute(_COUNT_UP)  # its row's lock makes changes wait for each other
    if await tx.driver.fetchval(_NUMBER, subject) >= PER_SUBJECT:
        raise Conflict(f"a key, user or tenant has at most {PER_SUBJECT} limits")
    new = (_new_id(), tenant, subject, terms.kind.value, terms.window_s, terms.amount)
    row = await tx.driver.fetchrow(_INSERT, *new)
    if row is None:
        raise Conflict("the subject has a limit of this kind and window; change its amount")
    view = _view(row)
    await audit.record(tx, by, _act("create", view))
    return view


async def of_subjects(where: Statements, subjects: Sequence[str]) -> list[LimitView]:
    """Return all limits of some subjects, the oldest first."""
    return [_view(row) for row in await where.fetch(_OF, list(subjects))]


async def forget(tx: Tx, subject: str) -> None:
    """Remove the limits of a subject that is gone."""
    await tx.driver.execute(_COUNT_UP)
    for row in await tx.fetch(_FORGET, subject):
        await _remove(tx, row["id"])


async def _remove(tx: Tx, limit_id: str) -> None:
    """Remove a limit, and then, when nobody can take from it any more, what was noted for it."""
    for statement in _REMOVE:
        await tx.driver.execute(statement, limit_id)


def _act(verb: str, view: LimitView, **more: Any) -> Act:
    details = {"subject": view.subject, "kind": view.kind, "window_s": view.window_s, "amount": view.amount, **more}
    return Act(f"limit.{verb}", "limit", view.id, details)


def _only(rows: list[Mapping[str, Any]]) -> LimitView:
    if not rows:
        raise NotFound("there is no such limit")
    return _view(rows[0])


def _view(row: Mapping[str, Any]) -> LimitView:
    return LimitView(**dict(row))


def _new_id() -> str:
    return f"lim_{ids.uuid7_hex(time.time_ns() // 1_000_000, secrets.randbits(80))}"
