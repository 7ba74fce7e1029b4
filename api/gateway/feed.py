"""What is heard of one call: from whoever makes it in this process, and from the log while that is read.

Both come by one queue, as the same news; `api.gateway.line` tells what is new in them.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import ExitStack, aclosing, suppress
from typing import Any, Final

from api.parts import Parts
from domain.call_errors import OURS, call_error
from domain.errors import LonghaulError
from domain.events import EventType
from domain.gateway import CallError, CallOutcome
from services.storage.event_reader import EventReader
from services.storage.events import StoredEvent
from services.storage.live import Chunks, Finished, News

_log: Final = logging.getLogger("longhaul.gateway")
_STOPPING: Final = CallError(
    status=503,
    type=OURS,
    code="service_unavailable",
    message="this server is stopping; the call goes on",
    retry_after_s=2.0,
)


class Feed:
    """The news of a call, from now on. Close it."""

    def __init__(self, parts: Parts, call_id: str) -> None:
        """Begin to listen in this process, if calls are made in it."""
        self._call_id = call_id
        self._reader: EventReader = parts.reader
        self._stack = ExitStack()
        self._news: asyncio.Queue[News] = asyncio.Queue()
        if parts.live is not None:
            self._news = self._stack.enter_context(parts.live.listening(call_id))
        self._reading: asyncio.Task[None] | None = None

    @property
    def reads_log(self) -> bool:
        """Whether the log is being read."""
        return self._reading is not None

    async def hear(self, within_s: float) -> list[News]:
        """Return all the news that are there, or the first within so many seconds; empty: there were none."""
        heard: list[News] = []
        if self._news.empty():
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    heard.append(await self._news.get())
        while not self._news.empty():
            heard.append(self._news.get_nowait())
        return heard

    def read_log(self) -> None:
        """Hear what the log says as well, from its beginning on. A call's whole log is no larger than its answer."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name=f"log of {self._call_id}")

    def leave_log(self) -> None:
        """Hear this process alone."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def close(self) -> None:
        """Stop listening."""
        self.leave_log()
        self._stack.close()

    async def _read(self) -> None:
        try:
            if not await self._read_to_the_end():
                self._end(_STOPPING)
        except Exception as error:  # noqa: BLE001  a fault of ours is told to who waits, else they would wait for ever
            _log.error("a call's log could not be read: %s", type(error).__name__)
            self._end(call_error(LonghaulError()))

    async def _read_to_the_end(self) -> bool:
        """Tell what the log says; return whether that was to the call's end."""
        async with aclosing(self._reader.subscribe(self._call_id)) as events:
            async for event in events:
                news = _told(event)
                if news is not None:
                    self._news.put_nowait(news)
                if event.type is EventType.CALL_FINISHED:
                    return True
        return False

    def _end(self, error: CallError) -> None:
        self._news.put_nowait(Finished(CallOutcome(phase="failed", error=error)))


def _told(event: StoredEvent) -> News | None:
    """Return what an event of the log says, None when it says nothing of the answer."""
    data: Mapping[str, Any] = event.data
    if event.type is EventType.CALL_CHUNK and data["chunks"]:
        attempt = int(str(data["call_id"]).rpartition("/")[2])
        return Chunks(attempt, data["first"], tuple(data["chunks"]))
    if event.type is EventType.CALL_FINISHED:
        return Finished(CallOutcome.model_validate(data["outcome"]))
    return None
