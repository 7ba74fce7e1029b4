"""The breakers of accounts and deployments, shared by all processes: `domain.breaker` decides, the database remembers.

A row exists for what has failed or rested at least once. `longhaul_lease_take` reads `state`, `until` and `probe`.
"""

import logging
import random
from dataclasses import dataclass

from domain.breaker import FAILURE_CODES, RECENT_S, Breaker, BreakerState, Ending, Recent, Verdict, after, resting
from services.llm.pool.port import OK
from services.storage.database import Tx
from services.storage.driver import Row

_log = logging.getLogger(__name__)
_BEGIN = "INSERT INTO breaker (scope) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
_LOCK = """
    SELECT scope, data, clock_timestamp() AS at FROM breaker WHERE scope = ANY ($1::text[]) ORDER BY scope FOR UPDATE"""
_STORE = """
    UPDATE breaker SET state = $2, data = $3, until = $4, probe = $5, updated_at = clock_timestamp() WHERE scope = $1"""
_RECENT = """
    SELECT count(*) AS calls, count(*) FILTER (WHERE outcome <> $5) AS failures FROM lease
    WHERE account_id = $1 AND ($2::text IS NULL OR deployment_id = $2) AND ended_at IS NOT NULL
        AND counted_from > clock_timestamp() - interval '10 minutes'
        AND ended_at > greatest(clock_timestamp() - make_interval(secs => $3), $4::timestamptz)
        AND (outcome = $5 OR outcome = ANY ($6::text[]))"""


@dataclass(frozen=True)
class Told:
    """How a lease of an account and deployment ended. `rest_s`: the provider's own word on when to come back."""

    lease_id: str
    account_id: str
    deployment_id: str
    verdict: Verdict
    rest_s: float | None = None


async def record(tx: Tx, told: Told) -> None:
    """Tell both breakers how a call ended; the lease is ended in the same transaction, so that it counts."""
    account, deployment = f"account:{told.account_id}", f"deployment:{told.deployment_id}"
    begun = {Verdict.FAILURE: [account, deployment], Verdict.THROTTLED: [account]}.get(told.verdict, [])
    if begun:
        await tx.fetch(_BEGIN, begun)
    for row in await tx.fetch(_LOCK, [account, deployment]):
        breaker = Breaker.model_validate(row["data"])
        ending = await _ending(tx, told, breaker, row, whole_account=row["scope"] == account)
        await _store(tx, row["scope"], breaker, after(breaker, ending))


async def rest(tx: Tx, account_id: str, rest_s: float) -> None:
    """Let an account rest; a longer rest stays."""
    scope = f"account:{account_id}"
    await tx.fetch(_BEGIN, [scope])
    for row in await tx.fetch(_LOCK, [scope]):
        breaker = Breaker.model_validate(row["data"])
        await _store(tx, scope, breaker, resting(breaker, row["at"], rest_s))


async def _ending(tx: Tx, told: Told, breaker: Breaker, row: Row, *, whole_account: bool) -> Ending:
    """Return the end as it concerns one of the two; an account's patience is not the deployment's matter."""
    verdict, recent = told.verdict, Recent()
    if verdict is Verdict.THROTTLED and not whole_account:
        verdict = Verdict.NEITHER
    if verdict is Verdict.FAILURE and breaker.state is BreakerState.CLOSED:
        deployment = None if whole_account else told.deployment_id
        recent = await _recent(tx, told.account_id, deployment, breaker)
    return Ending(verdict, told.lease_id, row["at"], told.rest_s, recent, random.random())  # noqa: S311  no secret


async def _recent(tx: Tx, account_id: str, deployment_id: str | None, breaker: Breaker) -> Recent:
    (row,) = await tx.fetch(_RECENT, account_id, deployment_id, RECENT_S, breaker.closed_at, OK, sorted(FAILURE_CODES))
    return Recent(row["calls"], row["failures"])


async def _store(tx: Tx, scope: str, before: Breaker, now: Breaker) -> None:
    if now == before:
        return
    await tx.fetch(_STORE, scope, now.state.value, now.model_dump_json(), now.until, now.probe)
    if now.state is BreakerState.OPEN:
        _log.warning("the pool's %s rests until %s: its calls fail", scope, now.until)
    elif now.state is BreakerState.CLOSED and before.state is not BreakerState.CLOSED:
        _log.warning("the pool's %s answers again", scope)
