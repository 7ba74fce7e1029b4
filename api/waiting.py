"""Waiting for a request's end, bounded, by following its event log."""

import asyncio
import contextlib
from contextlib import aclosing

from api.caller import Caller
from api.parts import Parts
from domain.events import EventType
from services.storage.views import requests as requests_view
from services.storage.views.requests import RequestView

MAX_WAIT_S = 60


async def load_request(parts: Parts, caller: Caller, request_id: str) -> RequestView:
    """Return a request of the caller's.

    Raises:
        NotFound: There is none, or it is another owner's.
    """
    async with parts.database.transaction() as tx:
        return await requests_view.get(tx, caller.owner, request_id)


async def load_ended(parts: Parts, caller: Caller, request_id: str, wait_s: float) -> RequestView:
    """Return a request as soon as it has ended, or as it stands after `wait_s` seconds.

    Raises:
        NotFound: There is none, or it is another owner's.
    """
    view = await load_request(parts, caller, request_id)
    if view.phase.is_end or wait_s <= 0:
        return view
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await _end_of(parts, view)
    return await load_request(parts, caller, request_id)


async def _end_of(parts: Parts, view: RequestView) -> None:
    async with aclosing(parts.reader.subscribe(view.id, after=view.last_seq)) as events:
        async for event in events:
            if event.type is EventType.REQUEST_FINISHED:
                return
