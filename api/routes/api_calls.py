"""Searching the log of API calls."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query

from api.access import demand
from api.caller import NOBODY, Caller, CallerOf
from api.documents.api_calls import (
    ApiCallCountDocument,
    ApiCallDocument,
    ApiCallPage,
    ApiCallQuery,
    ApiCallSummary,
    SpanQuery,
)
from api.parts import Parts, PartsOf
from api.problems import errors, not_found
from domain.permissions import Permission
from services.identity.records import user_record
from services.storage.views.api_calls import Filter, Span, count, list_page

USUAL_SPAN: Final = timedelta(days=1)
"""How far a search looks back that does not say it."""
SUMMARY_SPAN: Final = timedelta(hours=1)
"""How far a summary does."""
_FIRST: Final = datetime(1, 1, 2, tzinfo=UTC)
_SAME: Final = ("route", "method", "model", "account", "deployment", "error_code", "min_duration_ms", "call_id")

router = APIRouter(prefix="/v1/api-calls", tags=["operations"])


@router.get("", responses=errors(403, 404, 422, 503))
async def search_api_calls(parts: PartsOf, caller: CallerOf, query: Annotated[ApiCallQuery, Query()]) -> ApiCallPage:
    """Search the log of API calls, newest first: who called what, how it went, what it cost; no content."""
    span = Span(query.since, query.until)
    if query.since is None and query.call_id is None and query.request_id is None:
        span = _usual(query)
    narrowed = Filter(
        span=span,
        statuses=_statuses(query.status),
        request_id=query.request_id,
        **{name: getattr(query, name) for name in _SAME},
    )
    views, cursor = await list_page(
        parts.database, await _whose(parts, caller, query), narrowed, query.cursor, query.limit
    )
    calls = [ApiCallDocument(**view.model_dump(exclude={"id"})) for view in views]
    return ApiCallPage(calls=calls, cursor=cursor, since=span.since)


@router.get("/summary", responses=errors(403, 404, 422, 503))
async def count_api_calls(parts: PartsOf, caller: CallerOf, query: Annotated[SpanQuery, Query()]) -> ApiCallSummary:
    """Count API calls by route, method and status."""
    until = query.until or datetime.now(UTC)
    since = query.since or _back(until, SUMMARY_SPAN)
    counts = await count(parts.database, await _whose(parts, caller, query), Span(since, until))
    documents = [ApiCallCountDocument(**each.model_dump()) for each in counts]
    return ApiCallSummary(since=since, until=until, counts=documents)


async def _whose(parts: Parts, caller: Caller, query: SpanQuery) -> str:
    """Return whose calls are asked for.

    Raises:
        Forbidden: They are another's, and the caller may not read those.
        ApiProblem: 404, there is no such user in the caller's tenant.
    """
    wanted = query.owner
    if wanted is None or wanted == caller.owner:
        return caller.owner
    demand(caller, Permission.LOG_READ_ALL)
    if wanted == NOBODY:
        demand(caller, Permission.METRICS_READ)
        return wanted
    found = await user_record(parts.database, wanted)
    if found is None or found.tenant != caller.tenant:
        raise not_found("user")
    return wanted


def _usual(query: SpanQuery) -> Span:
    return Span(_back(query.until or datetime.now(UTC), USUAL_SPAN), query.until)


def _back(until: datetime, span: timedelta) -> datetime:
    """Return the moment that long before another, or the first one that can be told."""
    return max(until, _FIRST + span) - span


def _statuses(wanted: str | None) -> tuple[int, int] | None:
    """Return the first and the last status of a class such as `4xx`, or the one status twice."""
    if wanted is None:
        return None
    if wanted.endswith("xx"):
        return int(wanted[0]) * 100, int(wanted[0]) * 100 + 99
    return int(wanted), int(wanted)
