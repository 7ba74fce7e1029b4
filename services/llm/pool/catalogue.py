"""A process's copy of the pool's configuration, kept true: a change is seen within a second in every process."""

import asyncio
import contextlib

from domain.errors import Unavailable
from services.llm.config.reading import Reading
from services.llm.pool.snapshot import AccountEntry, Snapshot
from services.storage.database import Database
from services.storage.polling import poll
from services.vault.vault import Vault

__all__ = ["AccountEntry", "Catalogue", "Snapshot"]

POLL_S = 0.5


class Catalogue:
    """The configuration, polled.

    Args:
        db: The database.
        vault: Opens credentials; None: this process holds none.
        poll_s: Seconds between two looks at the version.
    """

    def __init__(self, db: Database, vault: Vault | None, *, poll_s: float = POLL_S) -> None:
        self._reading = Reading(db, vault)
        self._poll_s = poll_s
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._snapshot = Snapshot()

    @property
    def snapshot(self) -> Snapshot:
        """The newest copy; empty until the database has answered once."""
        return self._snapshot

    async def start(self) -> None:
        """Read the configuration, if the database answers, and keep it true from now on."""
        with contextlib.suppress(Unavailable):
            await self.refresh()
        polling = poll(self.refresh, self._poll_s, "the pool's configuration")
        self._task = asyncio.create_task(polling, name="pool catalogue")

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def refresh(self) -> None:
        """Take over what has changed.

        Raises:
            Unavailable: The database does not answer; the copy stays as it was.
        """
        async with self._turn:
            if await self._reading.version() != self._snapshot.version:
                self._snapshot = await self._reading.snapshot()
