"""The log of API calls as its owner searches it: newest first, page by page; and counted by route and status."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from domain.errors import InvalidInput
from domain.value import Value
from services.storage.api_log import LAST_ID, first_id
from services.storage.gateway_tables import ApiCall
from services.storage.statements import Statements
from services.storage.tables import table

COUNTED_GROUPS = 200
"""Combinations of route, method and status that a summary has, the most frequent ones."""

_CALL = table(ApiCall)
_C = _CALL.c
_SAME = ("route", "method", "model", "account", "deployment", "error_code", "call_id", "request_id")

_COUNTED = """
    SELECT route, method, status, count(*) AS calls, sum(cost_micros)::bigint AS cost_micros,
        percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY duration_ms) AS durations
    FROM api_call WHERE owner = $1 AND id >= $2 AND id < $3
    GROUP BY route, method, status ORDER BY calls DESC, route, method, status LIMIT $4"""


class ApiCallView(Value):
    """One call of the API. `status` 499: the client went away before the answer's end."""

    id: int
    at: datetime
    request_id: str
    owner: str
    method: str
    route: str
    status: int
    duration_ms: int
    call_id: str | None
    error_code: str | None
    model: str | None
    provider: str | None
    account: str | None
    deployment: str | None
    attempts: int
    cache: str | None
    first_token_ms: int | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_micros: int
    details: dict[str, Any] | None


class ApiCallCount(Value):
    """Calls of one route that ended alike."""

    route: str
    method: str
    status: int
    calls: int
    cost_micros: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Span:
    """From `since` on, until just before `until`; None: unbounded."""

    since: datetime | None = None
    until: datetime | None = None

    def ids(self) -> tuple[int, int]:
        """Return the least id within, and the least beyond."""
        first = 0 if self.since is None else first_id(self.since)
        return first, LAST_ID if self.until is None else first_id(self.until)


@dataclass(frozen=True)
class Filter:
    """What a search is narrowed to. `statuses`: from the first to the last, both included."""

    span: Span = Span()
    route: str | None = None
    method: str | None = None
    statuses: tuple[int, int] | None = None
    model: str | None = None
    account: str | None = None
    deployment: str | None = None
    error_code: str | None = None
    min_duration_ms: int | None = None
    call_id: str | None = None
    request_id: str | None = None


async def list_page(
    where: Statements, owner: str, narrowed: Filter, cursor: str | None = None, limit: int = 50
) -> tuple[list[ApiCallView], str | None]:
    """Return a page of an owner's calls, newest first, and the cursor of the next page (None: this was the last).

    Raises:
        InvalidInput: The cursor is not one of ours.
    """
    query = _narrow(select(_CALL).where(_C.owner == owner), narrowed)
    if cursor is not None:
        query = query.where(_C.id < _place(cursor))
    rows = await where.select(query.order_by(_C.id.desc()).limit(limit + 1))
    views = [ApiCallView.model_validate(dict(zip(_C.keys(), row, strict=True))) for row in rows[:limit]]
    return views, str(views[-1].id) if len(rows) > limit else None


async def count(where: Statements, owner: str, span: Span) -> list[ApiCallCount]:
    """Return an owner's calls by route, method and status, the most frequent first."""
    rows = await where.fetch(_COUNTED, owner, *span.ids(), COUNTED_GROUPS)
    plain = ("route", "method", "status", "calls", "cost_micros")
    return [
        ApiCallCount(**{name: row[name] for name in plain}, p50_ms=row["durations"][0], p95_ms=row["durations"][1])
        for row in rows
    ]


def _place(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and int(cursor) <= LAST_ID):
        raise InvalidInput("the cursor is not one of ours")
    return int(cursor)


def _narrow(query: Select[Any], narrowed: Filter) -> Select[Any]:
    first, beyond = narrowed.span.ids()
    query = query.where(_C.id >= first, _C.id < beyond)
    for name in _SAME:
        wanted = getattr(narrowed, name)
        if wanted is not None:
            query = query.where(_C[name] == wanted)
    if narrowed.statuses is not None:
        query = query.where(_C.status.between(*narrowed.statuses))
    if narrowed.min_duration_ms is not None:
        query = query.where(_C.duration_ms >= narrowed.min_duration_ms)
    return query
