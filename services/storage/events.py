"""The event log: a gapless sequence a request, each event stored once, read models changed in the same transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from domain.errors import NotFound
from domain.events import Event, EventType
from domain.value import Value
from services.storage import json_text
from services.storage.driver import Row
from services.storage.statements import Statements


class StoredEvent(Value):
    """An event of a request's log: `seq` counts from 1 without gaps, `at` is UTC."""

    seq: int
    at: datetime
    type: EventType
    data: dict[str, Any]


_APPEND = "SELECT idx, seq, at FROM longhaul_append($1, $2, $3, $4, $5)"
_READ = "SELECT seq, at, type, data FROM request_event WHERE request_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"


async def append(where: Statements, request_id: str, events: Sequence[Event]) -> list[StoredEvent]:
    """Store events in order and fold them into the read models, in one statement (none when there are no events).

    An event whose (source, source_seq) is stored already is dropped. The request's row stays locked until the
    transaction ends; after its commit the process's notifier hears of the request. When the first event is
    `request.accepted` and the request is unknown, its row is made from the event.

    Returns:
        The events that were new, with their numbers.

    Raises:
        NotFound: There is no such request.
    """
    if not events:
        return []
    try:
        rows = await where.fetch(_APPEND, request_id, *columns(events))
    except asyncpg.NoDataFoundError as error:
        raise NotFound("no such request") from error
    if rows:
        where.grew(request_id)
    return [_stored(events, row) for row in rows]


async def read(where: Statements, request_id: str, after: int, limit: int) -> list[StoredEvent]:
    """Return at most `limit` events with seq > `after`, in order; empty when there are none."""
    return [of_row(row) for row in await where.fetch(_READ, request_id, after, limit)]


def columns(events: Sequence[Event]) -> tuple[list[str], list[int], list[str], list[str]]:
    """Return sources, source numbers, types and data (JSON text) as the SQL functions take them."""
    return (
        [event.source for event in events],
        [event.source_seq for event in events],
        [event.type.value for event in events],
        [json_text.encode(event.data) for event in events],
    )


def of_row(row: Row) -> StoredEvent:
    """Read a row of (seq, at, type, data). What is in the log was validated when it was written."""
    return StoredEvent.model_construct(seq=row["seq"], at=row["at"], type=EventType(row["type"]), data=row["data"])


def _stored(events: Sequence[Event], row: Row) -> StoredEvent:
    index: int = row["idx"]
    event = events[index - 1]
    return StoredEvent.model_construct(seq=row["seq"], at=row["at"], type=event.type, data=event.data)
