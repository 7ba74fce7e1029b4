"""Metrics: for Prometheus at `/metrics`, for dashboards at `/v1/metrics`."""

from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from prometheus_client.exposition import choose_encoder

from api.caller import CallerOf
from api.documents.metrics import MetricsDocument, MetricsQuery
from api.parts import PartsOf
from api.problems import errors
from api.reading.metrics import load_metrics
from api.scraping.answer import Scrape, read_pool
from api.scraping.http_figures import HttpFigures, writer_families
from services.storage.api_log import ApiLog

router = APIRouter(tags=["operations"])

_EXPOSITION: dict[int | str, dict[str, Any]] = {
    200: {"description": "Prometheus text, or OpenMetrics.", "content": {"text/plain": {}}}
}


@router.get("/metrics", response_class=Response, responses={**_EXPOSITION, **errors(403)})
async def scrape_metrics(request: Request, parts: PartsOf) -> Response:
    """Answer Prometheus; without the database with this process's figures alone, and `longhaul_database_up` 0."""
    figures: HttpFigures = request.app.state.figures
    log: ApiLog = request.app.state.api_log
    pool = await read_pool(parts.database)
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    scrape = Scrape(chain(figures.collect(), writer_families(log, parts.writer)), pool)
    return Response(encode(scrape), headers={"Content-Type": content_type})


@router.get("/v1/metrics", responses=errors(403, 422, 503))
async def read_metrics(parts: PartsOf, caller: CallerOf, query: Annotated[MetricsQuery, Query()]) -> MetricsDocument:
    """Read how the pool is doing, and what went through it in the last 1, 5 or 60 minutes."""
    del caller
    return await load_metrics(parts.database, query.minutes)
