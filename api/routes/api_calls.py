"""Searching the log of API calls."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query

from api.caller import CallerOf
from api.documents.api_calls import (
    ApiCallCountDocument,
    ApiCallDocument,
    ApiCallPage,
    ApiCallQuery,
    ApiCallSummary,
    SpanQuery,
)
from api.parts import PartsOf
from api.problems import errors
from services.storage.views.api_calls import Filter, Span, count, list_page

USUAL_SPAN: Final = timedelta(days=1)
"""How far a search looks back that does not say it."""
SUMMARY_SPAN: Final = timedelta(hours=1)
"""How far a summary does."""
_SAME: Final = ("route", "method", "model", "account", "deployment", "error_code", "min_duration_ms", "call_id")

router = APIRouter(prefix="/v1/api-calls", tags=["operations"])


@router.get("", responses=errors(403, 422, 503))
async def search_api_calls(parts: PartsOf, caller: CallerOf, query: Annotated[ApiCallQuery, Query()]) -> ApiCallPage:
    """Search the log of your API calls, newest first: who called what, how it went, what it cost; no content."""
    span = Span(query.since, query.until)
    if query.since is None and query.call_id is None and query.request_id is None:
        span = _usual(query)
    narrowed = Filter(
        span=span,
        statuses=_statuses(query.status),
        request_id=query.request_id,
        **{name: getattr(query, name) for name in _SAME},
    )
    views, cursor = await list_page(parts.database, caller.owner, narrowed, query.cursor, query.limit)
    calls = [ApiCallDocument(**view.model_dump(exclude={"id"})) for view in views]
    return ApiCallPage(calls=calls, cursor=cursor, since=span.since)


@router.get("/summary", responses=errors(403, 422, 503))
async def count_api_calls(parts: PartsOf, caller: CallerOf, query: Annotated[SpanQuery, Query()]) -> ApiCallSummary:
    """Count your API calls by route, method and status."""
    until = query.until or datetime.now(UTC)
    since = query.since or until - SUMMARY_SPAN
    counts = await count(parts.database, caller.owner, Span(since, until))
    documents = [ApiCallCountDocument(**each.model_dump()) for each in counts]
    return ApiCallSummary(since=since, until=until, counts=documents)


def _usual(query: SpanQuery) -> Span:
    return Span((query.until or datetime.now(UTC)) - USUAL_SPAN, query.until)


def _statuses(wanted: str | None) -> tuple[int, int] | None:
    """Return the first and the last status of a class such as `4xx`, or the one status twice."""
    if wanted is None:
        return None
    if wanted.endswith("xx"):
        return int(wanted[0]) * 100, int(wanted[0]) * 100 + 99
    return int(wanted), int(wanted)
