"""The end of a lease: usually one statement; a failure, and a success after one, also tell the breakers."""

from domain.breaker import Verdict, verdict
from domain.errors import ModelCredentialDead, ModelError
from services.llm.pool import breakers, dead_credentials, leases
from services.llm.pool.learnt_limits import LearntLimits
from services.llm.pool.leases import Ended, Settled
from services.llm.pool.port import CANCELLED, OK, UNUSED, Granted, LeaseEnd
from services.storage.database import Database, Tx
from services.storage.statements import Statements


class Settling:
    """Ends leases, and draws the lessons."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._learnt = LearntLimits(db)

    async def settle(self, granted: Granted, end: LeaseEnd) -> None:
        """End a lease and heed how it ended. Raises Unavailable."""
        if told_by(end) in (Verdict.SUCCESS, Verdict.NEITHER):
            await self.heed(granted, end, await settle_in(self._db, granted, end))
            return
        async with self._db.transaction() as tx:
            settled = await settle_in(tx, granted, end)
            if settled.closed:
                await _tell_breakers(tx, granted, end)
        if settled.closed:
            await self._learnt.heed(granted.account.id, end.told)

    async def heed(self, granted: Granted, end: LeaseEnd, settled: Settled) -> None:
        """Draw the lessons from a lease that `settle_in` has ended, after its commit. Raises Unavailable."""
        if not settled.closed:
            return
        if settled.troubled:
            async with self._db.transaction() as tx:
                await _tell_breakers(tx, granted, end)
        if isinstance(end.error, ModelCredentialDead):
            await dead_credentials.park(self._db, granted.account.id, granted.lease_id, end.error)
        await self._learnt.heed(granted.account.id, end.told)


async def settle_in(where: Statements, granted: Granted, end: LeaseEnd) -> Settled:
    """End a lease in one statement, alone or as a part of a transaction; `Settling.heed` is to follow its commit.

    Raises:
        Unavailable: The database does not answer.
    """
    answered = end.outcome == OK
    return await leases.settle(
        where,
        Ended(
            lease_id=granted.lease_id,
            outcome=end.outcome,
            usage=end.usage,
            known=_is_known(end),
            cost_micros=end.cost_micros,
            first_token_ms=end.first_token_ms,
            total_ms=end.total_ms,
            since_first_byte_s=end.since_first_byte_s,
            session=granted.session if answered else None,
            sticky_s=granted.route.sticky_s,
        ),
    )


def told_by(end: LeaseEnd) -> Verdict:
    """Return what an end says about the provider."""
    if end.outcome in (UNUSED, CANCELLED) or (end.outcome != OK and end.error is None):
        return Verdict.NEITHER
    return verdict(end.error)


def _is_known(end: LeaseEnd) -> bool:
    """Return whether the usage is what the provider counted.

    It is not where a call was broken off and nothing is known of it: it may have been worked on, so it counts with what
    it was reckoned with. A refusal was not.
    """
    spent = end.usage.input_tokens + end.usage.output_tokens > 0
    broken_off = end.outcome == CANCELLED or told_by(end) is Verdict.FAILURE
    return spent or not broken_off


async def _tell_breakers(tx: Tx, granted: Granted, end: LeaseEnd) -> None:
    rest_s = end.error.retry_after_s if isinstance(end.error, ModelError) else None
    told = breakers.Told(granted.lease_id, granted.account.id, granted.deployment.id, told_by(end), rest_s)
    await breakers.record(tx, told)
