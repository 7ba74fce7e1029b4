"""The workflow that removes what is old. A kind that cannot be removed now stops no other; the next run tries again."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from contracts.purging import PURGE, SWEEP_WORK, Purge, Purged, Purging, Sweep, Swept
from domain.purging import PurgeKind

SWEEPS_A_RUN = 40
"""Activities of one run; the next run goes on."""


@workflow.defn(name=PURGE)
class PurgeWorkflow:
    """Removes one kind after another, each until nothing of it is left."""

    @workflow.run
    async def run(self, purge: Purge) -> Purged:
        """Remove what is older than it is to be kept."""
        for _ in range(SWEEPS_A_RUN):
            if not purge.kinds:
                break
            kind = purge.kinds[0]
            purge = _after(purge, kind, await self._sweep(purge, kind))
        if purge.kinds:
            workflow.continue_as_new(purge)
        return Purged(rows=purge.rows, failed=purge.failed)

    async def _sweep(self, purge: Purge, kind: PurgeKind) -> Swept | None:
        try:
            return await workflow.execute_activity_method(
                Purging.sweep, Sweep(kind=kind, keep=purge.keep), summary=kind.value, **SWEEP_WORK
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return None


def _after(purge: Purge, kind: PurgeKind, swept: Swept | None) -> Purge:
    """Return what is left to do."""
    if swept is None:
        return purge.model_copy(update={"kinds": purge.kinds[1:], "failed": (*purge.failed, kind)})
    rows = purge.rows | {kind: purge.rows.get(kind, 0) + swept.rows}
    return purge.model_copy(update={"kinds": purge.kinds if swept.more else purge.kinds[1:], "rows": rows})
