"""One writer a process: stores streamed text in batches and tells readers which requests grew.

All streams are flushed together, after 5 ms when the writer was idle and else every 25 ms, in a transaction of the
writer's own; NOTIFY is sent from that transaction alone. Text that no flush has taken when its call ends may be taken
back, to be stored with the end. While the database is away the buffer is kept, the same batch is tried again, and
`delta` waits when the buffer is full.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.errors import Unavailable
from domain.events import Event
from services.storage import events
from services.storage.channel import CHANNEL, payloads
from services.storage.database import Database
from services.storage.text_buffer import Batch, TextBuffer

_log = logging.getLogger(__name__)
_FLUSH = "SELECT longhaul_append_text($1, $2, $3, $4, $5, $6, $7)"
_LULL_S = 0.005
"""How long the first news wait for more: a fast call has its whole text by then, and takes it along with its end."""

_LANDED_WITHIN_S = 1.0
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


class EventWriter:
    """Buffers text and notifications of one process. `start` makes it the notifier of its `Database`."""

    def __init__(self, db: Database, *, interval_s: float = 0.025, capacity: int = 4 * 1024 * 1024) -> None:
        """Flush every `interval_s` while there is something; hold at most about `capacity` characters."""
        self._db = db
        self._interval_s = interval_s
        self._capacity = capacity
        self._buffer = TextBuffer()
        self._changed: set[str] = set()
        self._in_flight: frozenset[str] = frozenset()
        self._given = asyncio.Event()
        self._flushed = asyncio.Condition()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many characters are not stored yet, about."""
        return self._buffer.size

    async def start(self) -> None:
        """Begin to flush."""
        self._db.announce_to(self.notify)
        self._task = asyncio.create_task(self._run(), name="event-writer")

    async def close(self, within_s: float = 5.0) -> None:
        """Flush what is left, at most `within_s` seconds, and stop."""
        self._closing = True
        self._given.set()
        if self._task is None:
            return
        _, unfinished = await asyncio.wait({self._task}, timeout=within_s)
        for task in unfinished:
            _log.warning("the event writer stopped with unsent text: the database does not answer")
            task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def notify(self, request_id: str) -> None:
        """Tell readers, with the next flush, that the request's log grew. Never blocks."""
        self._changed.add(request_id)
        self._given.set()

    async def delta(self, request_id: str, step_id: str | None, call_id: str, text: str) -> None:
        """Append streamed text of a call (`text.delta`); waits only when the buffer is full.

        Deltas of one call between two flushes become one event. Text of an unknown request is dropped.
        """
        if not text:
            return
        await self._room()
        self._buffer.text(request_id, step_id, call_id, text)
        self._given.set()

    async def chunks(
        self, request_id: str, call_id: str, first: int, chunks: Sequence[Mapping[str, Any]], size: int
    ) -> None:
        """Append chunks of a gateway call (`call.chunk`), numbered from `first`; waits only when the buffer is full.

        `size`: the bytes that the model said in them.
        """
        await self._room()
        self._buffer.chunks(request_id, call_id, first, chunks, size)
        self._given.set()

    async def _room(self) -> None:
        """Wait until the buffer takes more."""
        if self._buffer.size >= self._capacity:
            async with self._flushed:
                await self._flushed.wait_for(lambda: self._buffer.size < self._capacity)

    async def reset(self, request_id: str, step_id: str | None, call_id: str) -> None:
        """Tell viewers to forget the call's text so far (`text.reset`), in order with its deltas."""
        self._buffer.reset(request_id, step_id, call_id)
        self._given.set()

    async def take(self, call_id: str) -> tuple[Event, ...]:
        """Take back the call's text that is not stored yet, for a caller that stores it with the call's end.

        Text that is being stored is waited for, since it comes first; if that lasts, nothing is taken.
        """
        if call_id in self._in_flight and not await self._landed(call_id):
            return ()
        return self._buffer.take_call(call_id)

    def give_back(self, request_id: str, taken: Sequence[Event]) -> None:
        """Store after all what was taken and not stored; stored already, it is dropped."""
        if taken:
            self._buffer.give_back(request_id, taken)
            self._given.set()

    async def settle(self, call_id: str) -> None:
        """Wait until everything given for the call so far is stored."""
        if call_id in self._buffer or call_id in self._in_flight:
            async with self._flushed:
                await self._flushed.wait_for(lambda: call_id not in self._buffer and call_id not in self._in_flight)

    async def _landed(self, call_id: str) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LANDED_WITHIN_S), self._flushed:
                await self._flushed.wait_for(lambda: call_id not in self._in_flight)
        return call_id not in self._in_flight

    async def _run(self) -> None:
        while not self._closing or self._given.is_set():
            await self._given.wait()
            if not self._closing:
                await asyncio.sleep(_LULL_S)
            self._given.clear()
            await self._flush()
            if not self._closing:
                await asyncio.sleep(self._interval_s)

    async def _flush(self) -> None:
        batch = self._buffer.take()
        changed, self._changed = self._changed.union(batch.requests), set()
        self._in_flight = batch.calls
        if changed:
            await self._store(batch, payloads(changed))
        self._in_flight = frozenset()
        async with self._flushed:
            self._flushed.notify_all()

    async def _store(self, batch: Batch, news: Iterable[str]) -> None:
        """Send one batch until the database took it; sent twice it is stored once."""
        columns = (list(batch.requests), *events.columns(batch.events), CHANNEL, list(news))
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._db.fetch(_FLUSH, *columns)
            except Unavailable:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except Exception as error:  # noqa: BLE001  one bad batch of viewing text must not end the writer
                _log.error("dropped %d text events: %s", len(batch.events), type(error).__name__)
                return
            else:
                return
