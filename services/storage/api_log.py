"""The log of API calls: rows are taken at once and stored in batches, by one task a process.

`add` never waits. While the database is away rows wait within a bound, then the oldest are dropped and counted. What a
killed process had not stored yet, at most a quarter of a second's rows, is lost: of a gateway call its own row, its
journal and its leases remain.
"""

import asyncio
import contextlib
import itertools
import logging
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from domain.errors import Unavailable
from services.storage import json_text
from services.storage.database import Database

_COLUMNS: Final = (
    "id, at, request_id, owner, method, route, status, duration_ms, call_id, model, provider, account, deployment, "
    "attempts, cache, error_code, first_token_ms, input_tokens, cached_tokens, output_tokens, cost_micros, details"
)
_STORE: Final = f"""
    INSERT INTO api_call ({_COLUMNS}) SELECT {_COLUMNS} FROM jsonb_populate_recordset(NULL::api_call, $1::jsonb)
    ON CONFLICT (id) DO NOTHING"""  # noqa: S608  the columns are written above

_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_LOW_BITS: Final = 22
LAST_ID: Final = 2**63 - 1
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ApiCallRow:
    """One call of the API. `route` is the template; `status` 499: the client went away before the answer's end.

    The fields from `model` on are those of a call through the gateway; `details` holds what is shown and not searched.
    """

    at: datetime
    request_id: str
    owner: str | None
    method: str
    route: str
    status: int
    duration_ms: int
    call_id: str | None = None
    error_code: str | None = None
    model: str | None = None
    provider: str | None = None
    account: str | None = None
    deployment: str | None = None
    attempts: int = 0
    cache: str | None = None
    first_token_ms: int | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0
    details: Mapping[str, Any] | None = None


def first_id(at: datetime) -> int:
    """Return the smallest id that a row of this moment may have, so that times can be looked up by id.

    Of a moment that no row can have it is the first or the last.
    """
    milliseconds = (at - _EPOCH).total_seconds() * 1000
    return min(max(int(milliseconds), 0) << _LOW_BITS, LAST_ID)


class ApiLog:
    """The rows of one process on their way to the database."""

    def __init__(
        self, db: Database, *, interval_s: float = 0.25, batch_size: int = 500, capacity: int = 20_000
    ) -> None:
        """Store every `interval_s` while there is something, sooner when a batch is full; hold `capacity` rows."""
        self.written = 0
        self.dropped = 0
        self._db = db
        self._interval_s = interval_s
        self._batch_size = batch_size
        self._capacity = capacity
        self._rows: deque[tuple[int, ApiCallRow]] = deque()
        self._in_flight = 0
        self._numbers = itertools.count(secrets.randbits(_LOW_BITS))
        self._given = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many rows are not stored yet."""
        return len(self._rows) + self._in_flight

    def start(self) -> None:
        """Begin to store."""
        self._task = asyncio.create_task(self._run(), name="api-log")

    async def close(self, within_s: float = 2.0) -> None:
        """Store what is left, at most `within_s` seconds, and stop."""
        self._closing = True
        self._given.set()
        self._hurry.set()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=within_s)
        if not self._task.done():
            _log.warning("%d rows of the API log are lost: the database does not answer", self.waiting)
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def add(self, row: ApiCallRow) -> None:
        """Take a row. Never blocks; when too many wait, the oldest is dropped."""
        if self.waiting >= self._capacity:
            self.dropped += 1
            if not self._rows:
                return
            self._rows.popleft()
        # A number of its own makes storing a batch again harmless; two processes meet in one about never.
        self._rows.append((first_id(row.at) | next(self._numbers) % (1 << _LOW_BITS), row))
        self._given.set()
        if len(self._rows) >= self._batch_size:
            self._hurry.set()

    async def _run(self) -> None:
        while not self._closing or self._rows:
            await self._given.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval_s):
                    await self._hurry.wait()
            await self._flush()

    async def _flush(self) -> None:
        batch = [self._rows.popleft() for _ in range(min(self._batch_size, len(self._rows)))]
        if not self._rows:
            self._given.clear()
        if len(self._rows) < self._batch_size and not self._closing:
            self._hurry.clear()
        self._in_flight = len(batch)
        await self._store(batch)
        self._in_flight = 0

    async def _store_each(self, batch: Sequence[tuple[int, ApiCallRow]], error: Exception) -> None:
        """Store the others of a batch, some row of which the database refused."""
        if len(batch) > 1:
            for each in batch:
                await self._store([each])
            return
        _log.error("dropped a row of the API log: %s", type(error).__name__)
        self.dropped += 1

    async def _store(self, batch: Sequence[tuple[int, ApiCallRow]]) -> None:
        """Send one batch until the database took it; sent twice it is stored once."""
        if not batch:
            return
        rows = json_text.encode([{**asdict(row), "id": number, "at": row.at.isoformat()} for number, row in batch])
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._db.fetch(_STORE, rows)
            except Unavailable:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except Exception as error:  # noqa: BLE001  a row that cannot be stored must not end the log
                await self._store_each(batch, error)
                return
            else:
                self.written += len(batch)
                return
