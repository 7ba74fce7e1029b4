"""A process's copy of who has limits, so that nobody else's call costs a statement; a change is seen within 2 s."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from domain.errors import Unavailable
from services.storage.database import Database
from services.storage.polling import poll

POLL_S: Final = 1.0
MOST: Final = 100_000
"""Subjects that are remembered. Where more have limits, every caller is taken to be among them."""

_VERSION: Final = "SELECT version FROM caller_limit_version WHERE id = 1"
_SUBJECTS: Final = "SELECT DISTINCT subject FROM caller_limit LIMIT $1"


class LimitedSubjects:
    """Who has limits, polled."""

    def __init__(self, db: Database, *, poll_s: float = POLL_S, most: int = MOST) -> None:
        self._db = db
        self._poll_s = poll_s
        self._most = most
        self._version: int | None = None
        self._subjects: frozenset[str] | None = None

    def any_of(self, subjects: Iterable[str]) -> bool:
        """Whether one of some subjects may have limits; before the database has answered once, each may."""
        return self._subjects is None or not self._subjects.isdisjoint(subjects)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Keep the copy true within the block."""
        with contextlib.suppress(Unavailable):
            await self.refresh()
        task = asyncio.create_task(poll(self.refresh, self._poll_s, "who has limits"), name="limited subjects")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def refresh(self) -> None:
        """Take over what has changed.

        Raises:
            Unavailable: The database does not answer; the copy stays as it was.
        """
        (row,) = await self._db.fetch(_VERSION)
        if row["version"] == self._version:
            return
        found = await self._db.fetch(_SUBJECTS, self._most + 1)
        self._subjects = None if len(found) > self._most else frozenset(each["subject"] for each in found)
        self._version = row["version"]
