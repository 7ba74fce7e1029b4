"""Rows that a crash left without a workflow, between the commit and the start.

Nobody was promised anything about them: their 202 was never sent. So at start-up the API takes those that are older
than a minute and have no workflow out of the lists (`not_started`); the same Idempotency-Key still starts them. One
bounded pass, newest first.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.service import RPCError

from api.parts import Parts
from api.temporal_calls import RPC_TIMEOUT, answering, is_not_found
from domain.errors import Unavailable
from domain.request import Phase
from services.storage import requests
from services.storage.views.requests import Filter, RequestView, list_of_everybody

GRACE: Final = timedelta(minutes=1)
MAX_ROWS: Final = 1000
_AGAIN_S: Final = 10.0
_ACCEPTED: Final = Filter(phase=Phase.ACCEPTED)
_log = logging.getLogger("longhaul.sweep")


async def sweep_until_done(parts: Parts) -> None:
    """Make one whole pass, trying again while the database or Temporal is away."""
    while True:
        try:
            marked = await sweep(parts, datetime.now(UTC) - GRACE)
        except Unavailable:
            await asyncio.sleep(_AGAIN_S)
            continue
        if marked:
            _log.warning("requests that were never started: %d", marked)
        return


async def sweep(parts: Parts, before: datetime) -> int:
    """Mark the rows accepted before a time that have no workflow; return how many."""
    marked = 0
    async for view in _accepted(parts):
        if view.created_at < before and not await _has_workflow(parts, view.id):
            async with parts.database.transaction() as tx:
                await requests.mark_not_started(tx, view.id)
            marked += 1
    return marked


async def _accepted(parts: Parts) -> AsyncIterator[RequestView]:
    cursor: str | None = None
    for _ in range(MAX_ROWS // 100):
        async with parts.database.transaction() as tx:
            views, cursor = await list_of_everybody(tx, _ACCEPTED, cursor)
        for view in views:
            yield view
        if cursor is None:
            return


async def _has_workflow(parts: Parts, request_id: str) -> bool:
    try:
        async with answering():
            await parts.temporal.get_workflow_handle(request_id).describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if is_not_found(error):
            return False
        raise
    return True
