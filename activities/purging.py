"""The Purging port: batches of rows that are old, until nothing is left or time is over."""

import time

from temporalio import activity

from activities.errors import Mapped
from activities.heartbeat import Beating
from contracts.purging import SWEEP_S, Purging, Sweep, Swept
from services.storage import purging
from services.storage.database import Database


class StoredPurging(Purging):
    """Removes from the database. Each batch is a transaction of its own, so a cut-off sweep keeps what it has done."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @activity.defn(name="sweep")
    async def sweep(self, request: Sweep) -> Swept:
        """Remove what is old of one kind, batch by batch, for `SWEEP_S` seconds at most."""
        rows, more, until = 0, True, time.monotonic() + SWEEP_S
        with Mapped():
            async with Beating():
                while more and time.monotonic() < until:
                    swept = await purging.sweep(self._db, request.kind, request.keep)
                    rows, more = rows + swept.rows, swept.more
        return Swept(rows=rows, more=more)
