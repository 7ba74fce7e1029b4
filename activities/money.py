"""The Money port: the ledger is checked, and holds are closed for which, by Temporal's word, nothing works any more."""

import logging

from temporalio import activity

from activities.errors import Mapped
from activities.heartbeat import Beating
from activities.workflow_standing import is_running
from contracts.money import BATCH, CheckLedger, LedgerChecked, Money, Reconcile, Reconciled, Violation
from services.ledger import checks, reconciling
from services.ledger.reconciling import Graces
from services.storage.database import Database

_log = logging.getLogger("longhaul.money")


class StoredMoney(Money):
    """The care of the ledger in the database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @activity.defn(name="check_ledger")
    async def check_ledger(self, request: CheckLedger) -> LedgerChecked:
        """Check every invariant; what is found is on record, in the log and in the metrics."""
        with Mapped():
            async with Beating():
                findings = await checks.run(self._db, whole=request.whole)
        broken = tuple(
            Violation(invariant=each.invariant, rows=each.rows, sample=each.sample) for each in findings if each.rows
        )
        return LedgerChecked(invariants=len(findings), violations=broken)

    @activity.defn(name="reconcile_ledger")
    async def reconcile_ledger(self, request: Reconcile) -> Reconciled:
        """Close the orphaned holds of a batch, by evidence; holds of work under way are left alone."""
        with Mapped():
            async with Beating():
                return await self._reconcile(request)

    async def _reconcile(self, request: Reconcile) -> Reconciled:
        graces = Graces(start_s=request.start_grace_s, look_s=request.look_every_s)
        due = await reconciling.due(self._db, request.after, BATCH, graces)
        closed, posted = 0, 0
        for hold_id in due:
            done = await reconciling.reconcile(self._db, hold_id, is_running)
            if done is not None:
                _log.warning("closed the orphaned hold %s: %s", hold_id, done)
                closed, posted = closed + 1, posted + done.posted_micros
        after = due[-1] if len(due) == BATCH else ""
        return Reconciled(seen=len(due), closed=closed, posted_micros=posted, after=after)
