"""The journaled model call: asked for once, paid for once, and its end on record whatever happens to this process.

Usually one statement before the call (`opening`: events, journal) and one after it (`closing`: text, journal, cost).
"""

import asyncio
import os
import socket
from contextlib import aclosing

from domain.budget import Usage
from domain.content import Text
from domain.errors import ModelError, Unavailable
from services.llm.assignment import Assignment, CallFailed, CallResult, Compose
from services.llm.chat import ChatAnswer, ChatModel
from services.llm.closing import Books
from services.llm.collecting import Collected
from services.llm.errors import ModelTimedOut
from services.llm.opening import OpenCall, open_call
from services.llm.prices import Prices
from services.storage.database import Database
from services.storage.event_writer import EventWriter
from services.storage.uninterrupted import to_the_end

CANCELLED = "cancelled"


class ModelCaller:
    """Calls one provider's models for all activities of a process."""

    def __init__(self, db: Database, writer: EventWriter, model: ChatModel, prices: Prices) -> None:
        """Take the process's own parts; they stay their maker's to close."""
        self._db = db
        self._writer = writer
        self._model = model
        self._prices = prices
        self._books = Books(db, prices)
        self._process = f"{socket.gethostname()}:{os.getpid()}"

    async def call(self, work: Assignment, compose: Compose) -> CallResult:
        """Return the round's answer, from the journal if it is there, else from the model.

        A cancellation ends the call at once and is answered with a result marked `cancelled`, not raised: what was used
        is known by it.

        Raises:
            CallFailed: The model gave no answer, or the grant pays for none.
            NotFound: There is no such request.
            Unavailable: The database is away, or another process closed this call; the same call again is right.
        """
        opened, cancelled = await to_the_end(open_call(self._db, work, compose, self._prices, self._process))
        if isinstance(opened, CallFailed):
            raise opened
        if isinstance(opened, CallResult):
            return opened
        if cancelled:
            return await self._cancel(work, opened, "", Usage())
        return await self._ask(work, opened)

    async def _ask(self, work: Assignment, opened: OpenCall) -> CallResult:
        collected = Collected(opened.request)
        try:
            await self._converse(work, opened, collected)
        except asyncio.CancelledError:
            return await self._cancel(work, opened, collected.text, collected.usage())
        except ModelError as error:
            # Nothing is owed for what was refused or never sent; for what may have been worked on, its input.
            owed = collected.taken or isinstance(error, ModelTimedOut)
            usage = collected.usage() if owed else Usage()
            micros, _ = await to_the_end(self._books.close(work, opened, error.code, usage))
            raise CallFailed(error, micros) from None
        result, _ = await to_the_end(self._keep(work, opened, collected.answer(simulated=self._model.simulated)))
        return result

    async def _keep(self, work: Assignment, opened: OpenCall, answer: ChatAnswer) -> CallResult:
        """Store the answer, and with it the text that the writer has not begun to store."""
        said = await self._writer.take(opened.call.id)
        try:
            return await self._books.keep(work, opened, answer, said)
        except Unavailable:
            self._writer.give_back(work.key.request_id, said)  # should the call be lost, it is evidence
            raise

    async def _converse(self, work: Assignment, opened: OpenCall, collected: Collected) -> None:
        """Ask the model, and pass its text on to viewers."""
        request_id, step_id, call_id = work.key.request_id, work.step_id, opened.call.id
        if opened.earlier.delivered:
            await self._writer.reset(request_id, step_id, call_id)
        limit_s = opened.request.timeout_s
        try:
            async with asyncio.timeout(limit_s), aclosing(self._model.stream(opened.request)) as chunks:
                async for chunk in chunks:
                    collected.add(chunk)
                    if chunk.text and work.streams:
                        await self._writer.delta(request_id, step_id, call_id, chunk.text)
        except TimeoutError:
            raise ModelTimedOut(f"the model gave no whole answer within {limit_s:g} s") from None

    async def _cancel(self, work: Assignment, opened: OpenCall, text: str, usage: Usage) -> CallResult:
        micros, _ = await to_the_end(self._books.close(work, opened, CANCELLED, usage))
        return CallResult(
            text=text,
            stored=Text.inline(""),
            finish_reason=CANCELLED,
            refused=False,
            usage=usage,
            cost_micros=micros,
            cancelled=True,
        )
