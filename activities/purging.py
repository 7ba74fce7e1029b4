"""The Purging port: batches of rows that are old, until nothing is left or time is over."""

import time

from temporalio import activity

from activities.errors import Mapped
from activities.heartbeat import Beating
from activities.workflow_standing import is_known
from contracts.purging import SWEEP_S, Purging, Sweep, Swept
from domain.purging import PurgeKind
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
                    swept = await self._batch(request)
                    rows, more = rows + swept.rows, swept.more
        return Swept(rows=rows, more=more)

    async def _batch(self, request: Sweep) -> purging.Swept:
        if request.kind is PurgeKind.UNSTARTED_CALLS:
            return await purging.sweep_unstarted(self._db, is_known)
        return await purging.sweep(self._db, request.kind, request.keep)
