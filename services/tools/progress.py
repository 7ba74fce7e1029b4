"""Telling a running call's progress: at most one event a second, the newest wins, and never in the call's way."""

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from domain.errors import LonghaulError
from services.storage import tool_journal
from services.storage.database import Database
from services.storage.tool_journal import OpenCall
from services.tools.client.answers import Progress

EVERY_S = 1.0
MOST = 1000
"""Events that one call may tell."""

_log = logging.getLogger(__name__)


class Telling:
    """`async with Telling(db, call) as telling:` writes what `telling.tell` is told; leaving it stops at once."""

    def __init__(self, db: Database, call: OpenCall, heard: Callable[[Progress], None]) -> None:
        """`heard` is told everything at once."""
        self._db = db
        self._call = call
        self._heard = heard
        self._news: Progress | None = None
        self._there_is_news = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Begin."""
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop. An event that is being written may or may not be in the log."""
        self._task.cancel()
        await asyncio.wait({self._task})

    def tell(self, progress: Progress) -> None:
        """Note progress; it is written soon."""
        self._heard(progress)
        self._news = progress
        self._there_is_news.set()

    async def _write(self) -> None:
        for number in range(1, MOST + 1):
            await self._there_is_news.wait()
            self._there_is_news.clear()
            if self._news is not None:
                await self._append(number, self._news)
            await asyncio.sleep(EVERY_S)

    async def _append(self, number: int, news: Progress) -> None:
        try:
            await tool_journal.progress(self._db, self._call, number, news.model_dump())
        except LonghaulError as error:
            _log.info("progress was not written: %s", error.code)
