"""The audit log as it is searched, newest first, page by page; and read from its beginning, batch by batch."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, select, tuple_

from domain.errors import InvalidInput
from domain.value import Value
from services.storage.governance_tables import AuditEntry
from services.storage.statements import Statements
from services.storage.tables import table

BATCH: Final = 500
"""How many entries an export holds in memory at a time."""

_ENTRY = table(AuditEntry)
_C = _ENTRY.c
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS: Final = 19


class AuditEntryView(Value):
    """Who did what to which object from where."""

    id: int
    at: datetime
    actor: str
    owner: str
    tenant: str
    key_id: str | None
    address: str | None
    action: str
    object_kind: str
    object_id: str
    details: dict[str, Any]


@dataclass(frozen=True)
class AuditFilter:
    """What is looked for. `tenant` None: every tenant's entries; `until`: from before then."""

    tenant: str | None
    actor: str | None = None
    owner: str | None = None
    action: str | None = None
    object_kind: str | None = None
    object_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


_SAME: Final = tuple(each.name for each in fields(AuditFilter) if each.name not in {"since", "until"})


async def list_page(
    where: Statements, narrowed: AuditFilter, cursor: str | None, limit: int
) -> tuple[list[AuditEntryView], str | None]:
    """Return entries, newest first, and the cursor of the next page; None: this was the last.

    Raises:
        InvalidInput: The cursor is not one of ours.
    """
    query = _narrowed(narrowed).order_by(_C.at.desc(), _C.id.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(tuple_(_C.at, _C.id) < _place(cursor))
    views = [_view(row) for row in await where.select(query)]
    more = len(views) > limit
    return views[:limit], _cursor(views[limit - 1]) if more else None


async def batches(where: Statements, narrowed: AuditFilter, size: int = BATCH) -> AsyncGenerator[list[AuditEntryView]]:
    """Read all entries, the oldest first, in batches: each is a statement of its own, so that a slow reader holds none.

    Entries are never changed, so what is read is the same as if it had been read at once; what is written meanwhile
    comes last, unless `until` is set.
    """
    place: tuple[datetime, int] | None = None
    while True:
        query = _narrowed(narrowed).order_by(_C.at, _C.id).limit(size)
        if place is not None:
            query = query.where(tuple_(_C.at, _C.id) > place)
        views = [_view(row) for row in await where.select(query)]
        if views:
            yield views
        if len(views) < size:
            return
        place = (views[-1].at, views[-1].id)


def _narrowed(narrowed: AuditFilter) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    for name in _SAME:
        wanted = getattr(narrowed, name)
        if wanted is not None:
            conditions.append(_C[name] == wanted)
    if narrowed.since is not None:
        conditions.append(_C.at >= narrowed.since)
    if narrowed.until is not None:
        conditions.append(_C.at < narrowed.until)
    return select(_ENTRY).where(*conditions)


def _view(row: Any) -> AuditEntryView:
    return AuditEntryView.model_validate(row._asdict())


def _cursor(view: AuditEntryView) -> str:
    return f"{(view.at - _EPOCH) // timedelta(microseconds=1)}-{view.id}"


def _place(cursor: str) -> tuple[datetime, int]:
    micros, mark, number = cursor.partition("-")
    if not (mark and cursor.isascii() and all(each.isdigit() and len(each) < _DIGITS for each in (micros, number))):
        raise InvalidInput("the cursor is not one of ours")
    try:
        return _EPOCH + timedelta(microseconds=int(micros)), int(number)
    except OverflowError:
        raise InvalidInput("the cursor is not one of ours") from None
