"""Limits learnt from answers: stored when they change, and an account of which nothing is left rests until its reset.

A learnt limit counts beside the configured one; the smaller holds. It is forgotten with its account.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from domain.model_pool import LimitKind
from services.llm.pool import breakers
from services.llm.pool.told_limits import WINDOW_S, ToldLimit, rest_s, told_limits
from services.storage.database import Database

REMEMBERED = 10_000
"""Limits of which this process knows that they are stored; beyond, it begins anew."""

_STORE = """
    INSERT INTO pool_limit AS l (account_id, kind, window_s, learnt, amount, remaining, resets_at)
    SELECT $1, told.kind, $2, true, told.amount, told.remaining,
        clock_timestamp() + make_interval(secs => told.reset_s)
    FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::float8[]) AS told (kind, amount, remaining, reset_s)
    WHERE EXISTS (SELECT FROM pool_account WHERE id = $1)
    ORDER BY told.kind
    ON CONFLICT (account_id, kind, window_s, learnt) DO UPDATE
    SET amount = excluded.amount, remaining = excluded.remaining, resets_at = excluded.resets_at"""


class LearntLimits:
    """What the answers that this process got tell of limits."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._stored: dict[tuple[str, LimitKind], int] = {}

    async def heed(self, account_id: str, headers: Mapping[str, str]) -> None:
        """Store what is new in an answer's headers; usually nothing is, and nothing is asked of the database.

        Raises:
            Unavailable: The database does not answer.
        """
        limits = told_limits(headers, datetime.now(UTC))
        news = {
            limit.kind: limit
            for limit in limits
            if limit.kind is not None
            and limit.amount is not None
            and self._stored.get((account_id, limit.kind)) != limit.amount
        }
        if news:
            await self._store(account_id, news)
        spent_s = rest_s(limits)
        if spent_s is not None:
            async with self._db.transaction() as tx:
                await breakers.rest(tx, account_id, spent_s)

    async def _store(self, account_id: str, news: Mapping[LimitKind, ToldLimit]) -> None:
        told = list(news.values())
        await self._db.fetch(
            _STORE,
            *(account_id, WINDOW_S, [kind.value for kind in news]),
            *([limit.amount for limit in told], [limit.remaining for limit in told]),
            [limit.reset_s for limit in told],
        )
        if len(self._stored) >= REMEMBERED:
            self._stored.clear()
        self._stored.update({(account_id, kind): limit.amount for kind, limit in news.items() if limit.amount})
