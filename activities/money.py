"""The Money port: the ledger is checked, holds are raised, and closed where Temporal knows of nothing that works."""

import logging

from temporalio import activity

from activities.errors import Mapped, to_application_error
from activities.heartbeat import Beating
from activities.workflow_standing import is_running
from contracts.money import (
    BATCH,
    CheckLedger,
    LedgerChecked,
    Money,
    RaisedHold,
    RaiseHold,
    Reconcile,
    Reconciled,
    Violation,
)
from domain.caller_errors import MoneyError
from domain.errors import Conflict, Problem, Unavailable
from services.ledger import checks, reconciling
from services.ledger.reconciling import Closed, Graces
from services.storage import charges
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

    @activity.defn(name="raise_hold")
    async def raise_hold(self, request: RaiseHold) -> RaisedHold:
        """Hold more for a request whose budget is to be raised; a repeat changes nothing. Fit for a local activity."""
        with Mapped():
            try:
                await charges.raise_to(self._db, request.request_id, request.to_micros)
            except MoneyError as unpaid:
                return RaisedHold(problems=(Problem(code=unpaid.code, path="", message=str(unpaid)),))
            except Conflict as refused:
                return RaisedHold(problems=refused.problems)
        return RaisedHold()

    async def _reconcile(self, request: Reconcile) -> Reconciled:
        graces = Graces(start_s=request.start_grace_s, look_s=request.look_every_s)
        due = await reconciling.due(self._db, BATCH, graces)
        done = [closed for hold_id in due if (closed := await self._close(hold_id)) is not None]
        posted = sum(closed.posted_micros for closed in done)
        after = due[-1] if len(due) == BATCH else ""
        return Reconciled(seen=len(due), closed=len(done), posted_micros=posted, after=after)

    async def _close(self, hold_id: str) -> Closed | None:
        """Close a hold if it is orphaned. One that cannot be closed is told of, and keeps no other from it."""
        try:
            closed = await reconciling.reconcile(self._db, hold_id, is_running)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, the others are not to wait
            _log.error("the hold %s cannot be closed: %s", hold_id, to_application_error(error).message)
            await reconciling.pass_over(self._db, hold_id)
            return None
        if closed is not None:
            _log.warning("closed the orphaned hold %s: %s", hold_id, closed)
        return closed
