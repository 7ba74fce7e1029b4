"""One attempt at one deployment: the model is asked, its answer collected within bounds, and passed on as it comes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from domain.budget import Usage
from domain.errors import ModelError
from domain.json_fields import objects_of
from domain.model_pool import Endpoint
from services.llm.chat import Adapter, ChatAnswer, ChatChunk, ChatRequest, PlainAnswer, PlainRequest
from services.llm.collecting import Collected, settled_plain
from services.llm.errors import ModelTimedOut
from services.llm.opening import OpenCall
from services.llm.pool.port import LeaseEnd
from services.llm.telling import Telling


@dataclass
class Attempt:
    """What has happened at the deployment so far. Times of the event loop's clock; `told`: the answer's headers.

    `on_answer` is called when the first byte of the answer has come.
    """

    opened: OpenCall
    keeps_chunks: bool
    on_answer: Callable[[], None] = lambda: None
    started: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    first_byte_at: float | None = None
    first_token_at: float | None = None
    told: Mapping[str, str] = field(default_factory=dict[str, str])
    collected: Collected | None = None
    plain: PlainAnswer | None = None

    def took_s(self) -> float:
        """Return how long it has taken."""
        return asyncio.get_running_loop().time() - self.started

    @property
    def streamed(self) -> bool:
        """Whether the model has said anything."""
        return self.collected is not None and self.collected.spoke

    async def make(self, adapter: Adapter, telling: Telling, limit_s: float) -> ChatAnswer:
        """Ask, and return the answer.

        Raises:
            ModelError: There is none.
        """
        request = self.opened.request
        try:
            if isinstance(request, ChatRequest):
                return await self._chat(adapter, request, telling, limit_s)
            async with asyncio.timeout(limit_s):
                return await self._plain(adapter, request)
        except TimeoutError:
            raise ModelTimedOut(f"the model gave no whole answer within {limit_s:g} s") from None

    async def _chat(self, adapter: Adapter, request: ChatRequest, telling: Telling, limit_s: float) -> ChatAnswer:
        granted = self.opened.granted
        collected = self.collected = Collected(request, keeps_chunks=self.keeps_chunks)
        end = self.started + limit_s
        first_end = end if granted.first_token_s is None else min(end, self.started + granted.first_token_s)
        async with asyncio.timeout_at(first_end) as limit:
            async with aclosing(adapter.chat(granted.target, request)) as chunks:
                async for chunk in chunks:
                    said = self._take(collected, chunk)
                    if said and limit.when() != end:
                        limit.reschedule(end)
                    await telling.chunk(chunk, said)
        return collected.answer(simulated=granted.provider.simulated)

    def _take(self, collected: Collected, chunk: ChatChunk) -> int:
        now = asyncio.get_running_loop().time()
        if self.first_byte_at is None:
            self.first_byte_at = now
            self.on_answer()
        if chunk.told is not None:
            self.told = chunk.told
        said = collected.add(chunk)
        if said and self.first_token_at is None:
            self.first_token_at = now
        return said

    async def _plain(self, adapter: Adapter, request: PlainRequest) -> ChatAnswer:
        granted = self.opened.granted
        ask = adapter.embed if granted_endpoint(request) is Endpoint.EMBEDDINGS else adapter.complete
        answer = self.plain = await ask(granted.target, request)
        self.first_byte_at = asyncio.get_running_loop().time()
        self.told = answer.told
        return ChatAnswer(
            text="",
            finish_reason=_worst([choice.get("finish_reason") for choice in objects_of(answer.body.get("choices"))]),
            refused=False,
            usage=settled_plain(answer, request),
            model=request.model,
            simulated=granted.provider.simulated,
            body=answer.body,
        )

    def owed(self) -> Usage:
        """Return what is to be paid of an attempt without an answer: what it said, and its input. Silence is free."""
        return self.collected.usage() if self.collected is not None and self.collected.spoke else Usage()

    def used(self, error: ModelError | None) -> Usage:
        """Return what the provider may have counted of an attempt without an answer, by which its limits are kept.

        That is nothing of what was refused or never sent, and the input of what may have been worked on.
        """
        collected = self.collected
        if collected is None:
            return Usage()
        worked_on = collected.taken or isinstance(error, ModelTimedOut)
        return collected.usage() if worked_on else Usage()

    def end(self, outcome: str, usage: Usage, cost_micros: int, error: ModelError | None = None) -> LeaseEnd:
        """Return how the lease ended."""
        now = asyncio.get_running_loop().time()
        since = None if self.first_byte_at is None else now - self.first_byte_at
        return LeaseEnd(
            outcome=outcome,
            usage=usage,
            cost_micros=cost_micros,
            first_token_ms=None if self.first_token_at is None else _ms(self.first_token_at - self.started),
            total_ms=_ms(now - self.started),
            since_first_byte_s=since,
            told=self.told if error is None else self.told or error.told,
            error=error,
            streamed=self.streamed,
        )


def granted_endpoint(request: PlainRequest) -> Endpoint:
    """Return which kind of call a plain request is."""
    return Endpoint.EMBEDDINGS if "input" in request.body else Endpoint.COMPLETIONS


def _worst(reasons: Sequence[object]) -> str:
    """Return why an answer ended: as its worst choice did."""
    return next((reason for reason in reasons if isinstance(reason, str) and reason != "stop"), "stop")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
