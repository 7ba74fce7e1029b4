"""The second half of a journaled call: its answer or its failure, and what it cost, stored together and once."""

import asyncio

from domain.budget import Usage, cost
from domain.errors import Unavailable
from services.llm.assignment import Assignment, CallResult
from services.llm.chat import ChatAnswer
from services.llm.opening import OpenCall, cost_event
from services.llm.prices import Prices
from services.storage import blobs, events, journal
from services.storage.database import Database, Tx

STORE_WITHIN_S = 30.0
"""How long an answer is held while the database is away: it is paid for."""


class Books:
    """Closes calls in the journal."""

    def __init__(self, db: Database, prices: Prices) -> None:
        self._db = db
        self._prices = prices

    async def keep(self, work: Assignment, opened: OpenCall, answer: ChatAnswer) -> CallResult:
        """Store an answer; try again while the database is away.

        Raises:
            Unavailable: The database stayed away, or another process closed the call.
        """
        until = asyncio.get_running_loop().time() + STORE_WITHIN_S
        pause_s = 0.1
        while True:
            try:
                async with self._db.transaction() as tx:
                    return await self._finish(tx, work, opened, answer)
            except _Fenced:
                raise Unavailable("another process closed this model call", retry_after_s=0.5) from None
            except Unavailable:
                if asyncio.get_running_loop().time() + pause_s > until:
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 2.0)

    async def close(self, work: Assignment, opened: OpenCall, code: str, usage: Usage) -> int:
        """Close a call without an answer; return what the round has cost.

        Raises:
            Unavailable: The database is away; the call stays open, and the next attempt closes it as lost.
        """
        model = opened.request.model
        micros = cost(usage, self._prices.of(model))
        async with self._db.transaction() as tx:
            closed = await journal.fail(tx, opened.call, code=code, usage=usage, cost_micros=micros)
            if closed and usage != Usage():
                spent = cost_event(work, opened.call, model, usage, micros)
                await events.append(tx, work.key.request_id, (spent,))
        return opened.earlier.cost_micros + (micros if closed else 0)

    async def _finish(self, tx: Tx, work: Assignment, opened: OpenCall, answer: ChatAnswer) -> CallResult:
        stored = await blobs.put(tx, answer.text)
        micros = cost(answer.usage, self._prices.of(answer.model))
        entry = journal.Answer(
            text=stored,
            finish_reason=answer.finish_reason,
            refused=answer.refused,
            usage=answer.usage,
            cost_micros=micros,
            model=answer.model,
        )
        if not await journal.finish(tx, opened.call, entry):
            raise _Fenced
        spent = cost_event(work, opened.call, answer.model, answer.usage, micros)
        concluded = work.conclude(answer, stored) if work.conclude else ()
        await events.append(tx, work.key.request_id, (spent, *concluded))
        return CallResult(
            text=answer.text,
            stored=stored,
            finish_reason=answer.finish_reason,
            refused=answer.refused,
            usage=answer.usage,
            cost_micros=micros + opened.earlier.cost_micros,
        )


class _Fenced(Exception):
    """The call was closed by somebody else; nothing of it may be stored."""
