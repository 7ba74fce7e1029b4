"""When a key was used last: noted beside the call, by one process at most once a minute for each key."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

from domain.errors import Unavailable
from services.storage.database import Database

EVERY_S: Final = 60.0
GATHER_S: Final = 0.5
"""How long uses are gathered before they are written together."""
_MOST: Final = 10_000
_WRITE: Final = """
    UPDATE api_key SET last_used_at = clock_timestamp()
    WHERE id IN (
        SELECT id FROM api_key
        WHERE id = ANY ($1) AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - make_interval(secs => $2))
        ORDER BY id FOR UPDATE SKIP LOCKED)"""


class LastUsed:
    """Notes uses. What cannot be written is forgotten: the next use tells."""

    def __init__(self, db: Database, clock: Callable[[], float] = monotonic) -> None:
        self._db = db
        self._clock = clock
        self._noted: OrderedDict[str, float] = OrderedDict()
        self._pending: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def note(self, key_id: str) -> None:
        """Take note of a use; it costs nothing now."""
        now = self._clock()
        if now - self._noted.get(key_id, float("-inf")) < EVERY_S:
            return
        self._noted[key_id] = now
        self._noted.move_to_end(key_id)
        if len(self._noted) > _MOST:
            self._noted.popitem(last=False)
        self._pending.add(key_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_soon(), name="last use of keys")

    async def close(self) -> None:
        """Write what is noted."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._write()

    async def _write_soon(self) -> None:
        while self._pending:
            await asyncio.sleep(GATHER_S)
            await self._write()

    async def _write(self) -> None:
        ids, self._pending = sorted(self._pending), set()
        if ids:
            with contextlib.suppress(Unavailable):
                await self._db.fetch(_WRITE, ids, EVERY_S - GATHER_S)
