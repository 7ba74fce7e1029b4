"""Waiting for a request's end, or for a person's turn, bounded, by following its event log."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from api.caller import Caller
from api.event_stream import with_pauses
from api.parts import Parts
from domain.events import EventType
from services.storage.events import StoredEvent
from services.storage.views import requests as requests_view
from services.storage.views.requests import RequestView

MAX_WAIT_S = 60

Hear = Callable[[StoredEvent | None], Awaitable[None]]
"""Is told each event while something is waited for, and None after some seconds of silence."""

_SILENCE_S: Final = 5.0


@dataclass(frozen=True)
class Until:
    """What is waited for: a request that meets a condition, which can only come true by an event of these types."""

    met: Callable[[RequestView], bool]
    by: frozenset[EventType]


TURNS: Final = frozenset(
    {
        EventType.REQUEST_FINISHED,
        EventType.REQUEST_PHASE,
        EventType.QUESTION_ASKED,
        EventType.QUESTION_ANSWERED,
        EventType.APPROVAL_ASKED,
        EventType.APPROVAL_DECIDED,
    }
)
"""What changes a request's phase, its pause, its questions or its approvals."""

ENDED: Final = Until(lambda view: view.phase.is_end, frozenset({EventType.REQUEST_FINISHED}))

SETTLED: Final = Until(
    lambda view: view.phase.is_end or view.paused or bool(view.questions or view.approvals),
    TURNS,
)
"""The request does not go on by itself: it has ended, is paused, or asks for a reply or an approval."""


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
    return await load_when(parts, caller, request_id, ENDED, wait_s)


async def _not_listening(_event: StoredEvent | None) -> None:
    return


async def load_when(
    parts: Parts, caller: Caller, request_id: str, until: Until, wait_s: float, hear: Hear = _not_listening
) -> RequestView:
    """Return a request as soon as it is as wanted, or as it stands after `wait_s` seconds.

    Raises:
        NotFound: There is none, or it is another owner's.
    """
    view = await load_request(parts, caller, request_id)
    if until.met(view) or wait_s <= 0:
        return view
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await _follow(parts, caller, view, until, hear)
    return await load_request(parts, caller, request_id)


async def _follow(parts: Parts, caller: Caller, view: RequestView, until: Until, hear: Hear) -> None:
    events = parts.reader.subscribe(view.id, after=view.last_seq)
    async with aclosing(events), aclosing(with_pauses(events, _SILENCE_S)) as news:
        async for event in news:
            await hear(event)
            if event is None or event.type not in until.by:
                continue
            if until.met(await load_request(parts, caller, view.id)):
                return
