"""A request's events as Server-Sent Events: past ones first, then live ones, each once, in order.

A client that goes away ends the subscription at once. A line of comment each 15 s keeps the connection open.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Send

from domain.events import EventType
from services.storage.events import StoredEvent

KEEP_ALIVE_S: Final = 15.0
_KEEP_ALIVE: Final = b": keep-alive\n\n"
_HEADERS: Final = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


@dataclass(frozen=True)
class Range:
    """What to send: events of these types (None: all), until the end or, for an ended request, its last event."""

    types: frozenset[EventType] | None = None
    last_seq: int | None = None


class EventStream(StreamingResponse):
    """The response. It closes the subscription itself, not the garbage collector."""

    def __init__(self, events: AsyncGenerator[StoredEvent, None], wanted: Range, keep_alive_s: float) -> None:
        """Take over the subscription `events`."""
        self._bytes = _encode(events, wanted, keep_alive_s)
        super().__init__(self._bytes, media_type="text/event-stream", headers=_HEADERS)

    async def stream_response(self, send: Send) -> None:
        """Send until the end, or until the client goes away."""
        async with aclosing(self._bytes):
            await super().stream_response(send)


async def _encode(
    events: AsyncGenerator[StoredEvent, None], wanted: Range, keep_alive_s: float
) -> AsyncGenerator[bytes, None]:
    async with aclosing(events), aclosing(with_pauses(events, keep_alive_s)) as news:
        async for event in news:
            if event is None:
                yield _KEEP_ALIVE
                continue
            if wanted.types is None or event.type in wanted.types:
                yield frame(event)
            if event.seq == wanted.last_seq or (wanted.last_seq is None and event.type is EventType.REQUEST_FINISHED):
                return


async def with_pauses(events: AsyncIterator[StoredEvent], pause_s: float) -> AsyncGenerator[StoredEvent | None, None]:
    """Yield the events, and None whenever none came for `pause_s` seconds."""
    following = asyncio.ensure_future(_next(events))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=pause_s)
            if not done:
                yield None
                continue
            event = following.result()
            if event is None:
                return
            following = asyncio.ensure_future(_next(events))
            yield event
    finally:
        following.cancel()
        await asyncio.wait({following})


async def _next(events: AsyncIterator[StoredEvent]) -> StoredEvent | None:
    return await anext(events, None)


def frame(event: StoredEvent) -> bytes:
    """Return one event in the format of the HTML standard, section 9.2."""
    data = json.dumps({**event.data, "at": event.at.isoformat()}, ensure_ascii=False, separators=(",", ":"))
    return f"id: {event.seq}\nevent: {event.type.value}\ndata: {data}\n\n".encode()
