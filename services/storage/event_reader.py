"""One reader a process: follows the log of many requests for many subscribers.

One direct connection listens, a poll each second covers what a lost connection missed, one query a wake-up fetches
the news of all followed requests. A subscriber too slow for its queue reads the table instead: none misses an event.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine

import asyncpg

from domain.errors import Unavailable
from services.storage import events
from services.storage.channel import CHANNEL, request_ids
from services.storage.database import Database
from services.storage.engine import CONNECT_TIMEOUT_S
from services.storage.event_feed import Feeds, Follower
from services.storage.events import StoredEvent

LISTENER = "longhaul-listener"
"""The listening connection's application_name."""

_PAGE = 500
_NEWS = """
    SELECT e.request_id, e.seq, e.at, e.type, e.data
    FROM unnest($1::text[], $2::bigint[]) AS f (request_id, after)
    CROSS JOIN LATERAL (
        SELECT * FROM request_event n WHERE n.request_id = f.request_id AND n.seq > f.after ORDER BY n.seq LIMIT $3
    ) e ORDER BY e.request_id, e.seq"""
_RECONNECT_S = 0.25


class EventReader:
    """Fans the event log out to subscribers."""

    def __init__(self, db: Database, *, poll_s: float = 1.0, queue_size: int = 256) -> None:
        """Poll every `poll_s` seconds; hold `queue_size` events for a slow subscriber before it reads the table."""
        self._db = db
        self._poll_s = poll_s
        self._queue_size = queue_size
        self._feeds = Feeds()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    async def start(self) -> None:
        """Begin to listen. Works, by polling, also while the database refuses connections."""
        self._spawn(self._listen(), "event-reader-listen")
        self._spawn(self._poll(), "event-reader-poll")
        self._spawn(self._pump(), "event-reader-pump")

    async def close(self) -> None:
        """Stop; every open subscription ends."""
        self._closed = True
        self._feeds.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def subscribe(self, request_id: str, after: int = 0) -> AsyncGenerator[StoredEvent, None]:
        """Yield the events with seq > `after`: past ones, then live ones, in order, each once; endless until `close`.

        The request need not exist yet. The caller stops at the event it takes for the end, and closes the generator
        (`contextlib.aclosing`). While the database is away the iterator waits.
        """
        follower = Follower(request_id, after, self._queue_size)
        try:
            while not self._closed:
                for event in await self._next(follower):
                    yield event
        finally:
            self._feeds.leave(follower)

    async def _next(self, follower: Follower) -> list[StoredEvent]:
        if not follower.behind:
            return await follower.news()
        return await self._from_table(follower)

    async def _from_table(self, follower: Follower) -> list[StoredEvent]:
        follower.start_over()
        try:
            async with self._db.transaction() as tx:
                page = await events.read(tx, follower.request_id, follower.position, _PAGE)
        except Unavailable:
            follower.behind = True
            await asyncio.sleep(_RECONNECT_S)
            return []
        if follower.caught_up_with(page, more=len(page) == _PAGE):
            self._feeds.join(follower)
        return page

    async def _pump(self) -> None:
        while True:
            await self._feeds.changed.wait()
            wanted = self._feeds.take_changed()
            try:
                await self._fan_out(wanted)
            except Unavailable:
                self._feeds.mark(wanted)
                await asyncio.sleep(_RECONNECT_S)

    async def _fan_out(self, wanted: dict[str, int]) -> None:
        if not wanted:
            return
        async with self._db.transaction() as tx:
            rows = await tx.driver.fetch(_NEWS, list(wanted), list(wanted.values()), _PAGE)
        for row in rows:
            self._feeds.offer(row["request_id"], events.of_row(row))
        if len(rows) >= _PAGE:
            self._feeds.mark(wanted)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            self._feeds.mark_all()

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # the poll goes on
                await self._listen_once()
            await asyncio.sleep(_RECONNECT_S)

    async def _listen_once(self) -> None:
        """Listen until the connection ends."""
        ended = asyncio.Event()
        connection = await asyncpg.connect(
            self._db.dsn, timeout=CONNECT_TIMEOUT_S, server_settings={"application_name": LISTENER}
        )
        try:
            connection.add_termination_listener(_setter(ended))
            await connection.add_listener(CHANNEL, self._heard)
            self._feeds.mark_all()
            await ended.wait()
        finally:
            connection.terminate()

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._feeds.mark(request_ids(str(payload)))

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))


def _setter(event: asyncio.Event) -> Callable[[object], None]:
    return lambda _connection: event.set()
