"""A gateway call from its body to its end on record: asked through the pool, kept in chunks, told to who listens."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.call_errors import call_error
from domain.content import Text
from domain.errors import ModelError, NoCapacity
from domain.events import Event, EventType
from domain.gateway import CallError, CallOptions, CallOutcome
from domain.model_pool import Endpoint
from domain.needs import needs
from services.llm.assignment import Assignment, CallFailed, CallResult, Way, Wish
from services.llm.caller import ModelCaller
from services.llm.chat import ChatAnswer, ChatRequest, PlainRequest
from services.llm.pool.port import Pool
from services.storage import blobs, events, gateway_calls, journal, result_cache
from services.storage.call_costs import Spent, cost_event
from services.storage.database import Database
from services.storage.failpoints import Point, around
from services.storage.journal import CallKey
from services.storage.live import Finished, Live
from services.storage.statements import Statements

SLOT = "call"
LONGEST_S = 3600.0
"""Bound on a call that sets none: the deployment's own is shorter."""

_OURS = frozenset(
    {"model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "longhaul", "async", "webhook"}
)
"""Fields of a body that are ours to send or to leave out."""


@dataclass(frozen=True)
class GatewayCall:
    """A call to make; see `contracts.gateway.CallLaunch`."""

    call_id: str
    owner: str
    body: Text
    options: CallOptions
    accepted_at: datetime


class MustWait(Exception):
    """No account is free, and the call may wait: it is to be made again after `retry_after_s` seconds."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("waiting for capacity")
        self.retry_after_s = retry_after_s


class Gateway:
    """Makes the gateway's calls in this process."""

    def __init__(self, db: Database, caller: ModelCaller, pool: Pool, live: Live) -> None:
        """Take the process's own parts; they stay their maker's to close."""
        self._db = db
        self._caller = caller
        self._pool = pool
        self._live = live

    async def make(self, call: GatewayCall, patience_s: float, on_purpose: Callable[[], bool]) -> CallOutcome:
        """Make a call, or find its answer in the journal, and put its end on record.

        Args:
            call: The call.
            patience_s: How long to wait here for capacity before saying so.
            on_purpose: Whether a cancellation is the call's own, and not this process's.

        Raises:
            MustWait: There is no capacity now, and the call may wait for it.
            Unavailable: The database is away; the same call again is right.
            CancelledError: This process ends the call for reasons of its own; another goes on.
        """
        work = _assignment(call, patience_s)

        async def compose(where: Statements) -> ChatRequest | PlainRequest:
            return _request(call.options, json.loads(await blobs.load(where, call.body)))

        try:
            result = await self._caller.call(work, compose)
        except CallFailed as failed:
            return await self._failed(call, failed)
        if result.cancelled:
            if not on_purpose():
                raise asyncio.CancelledError
            return await self.end(call, _cancelled(result))
        return await self._done(call, result)

    async def end(self, call: GatewayCall, outcome: CallOutcome) -> CallOutcome:
        """Put an end on record that is no answer, and what a process that died has used for it; the first end stands.

        Raises:
            Unavailable: The database is away.
        """
        async with around(Point.CALL_END), self._db.transaction() as tx:
            lost = await journal.abandon(tx, call.call_id)
            costs = [cost_event(each.call, None, Spent(each.model, each.usage, each.cost_micros)) for each in lost]
            spent = outcome.cost_micros + sum(each.cost_micros for each in lost)
            outcome = outcome.model_copy(update={"cost_micros": spent})
            stored = await events.append(tx, call.call_id, [*costs, _finished(outcome)])
        if not any(event.type is EventType.CALL_FINISHED for event in stored):
            outcome = await self._recorded(call) or outcome
        if call.options.cache_key is not None:
            await result_cache.release(self._db, call.options.cache_scope, call.options.cache_key, call.call_id)
        self._live.tell(call.call_id, Finished(outcome))
        return outcome

    async def _done(self, call: GatewayCall, result: CallResult) -> CallOutcome:
        outcome = await self._recorded(call) if result.replayed else None
        outcome = outcome or _outcome(result.stored, result, result.way)
        said = result.answer
        news = Finished(outcome) if said is None else Finished(outcome, chunks=said.deltas, body=said.body)
        key = call.options.cache_key
        if key is not None:
            await result_cache.keep(
                self._db, call.options.cache_scope, key, call.call_id, outcome, call.options.cache_ttl_s
            )
        self._live.tell(call.call_id, news)
        return outcome

    async def _failed(self, call: GatewayCall, failed: CallFailed) -> CallOutcome:
        error = failed.error
        if isinstance(error, NoCapacity) and self._may_wait(call, error):
            raise MustWait(error.retry_after_s or 0.0) from None
        if call.options.wait_s:
            await self._pool.give_up(f"{call.call_id}/{SLOT}/1")
        return await self.end(call, _failure(error, failed))

    def _may_wait(self, call: GatewayCall, error: NoCapacity) -> bool:
        waited_s = (datetime.now(UTC) - call.accepted_at).total_seconds()
        return waited_s + (error.retry_after_s or 0.0) <= (call.options.wait_s or 0.0)

    async def _recorded(self, call: GatewayCall) -> CallOutcome | None:
        return (await gateway_calls.read(self._db, call.owner, call.call_id)).outcome


def _assignment(call: GatewayCall, patience_s: float) -> Assignment:
    options = call.options

    def conclude(answer: ChatAnswer, stored: Text, way: Way) -> tuple[Event, ...]:
        return (_finished(_outcome(stored, answer, way)),)

    return Assignment(
        key=CallKey(call.call_id, SLOT, 1),
        owner=call.owner,
        grant_micros=options.grant_micros,
        streams=options.stream,
        keeps_chunks=True,
        conclude=conclude,
        wish=Wish(
            endpoint=options.endpoint,
            fairness_key=call.owner,
            priority=options.priority,
            session=options.session,
            waits=bool(options.wait_s),
            resets=options.resets,
            patience_s=min(patience_s, options.wait_s or 0.0),
        ),
    )


def _request(options: CallOptions, asked: Mapping[str, Any]) -> ChatRequest | PlainRequest:
    timeout_s = options.timeout_s or LONGEST_S
    if options.endpoint is not Endpoint.CHAT:
        body = {key: value for key, value in asked.items() if key not in _OURS or key == "max_tokens"}
        return PlainRequest(options.model, body, timeout_s)
    body = {key: value for key, value in asked.items() if key not in _OURS}
    bound = asked.get("max_completion_tokens") or asked.get("max_tokens")
    return ChatRequest(options.model, body, bound, timeout_s, capabilities=needs(options.endpoint, body))


def _outcome(stored: Text, answer: ChatAnswer | CallResult, way: Way) -> CallOutcome:
    return CallOutcome(
        phase="done",
        answer=stored,
        finish_reason=answer.finish_reason,
        refused=answer.refused,
        usage=answer.usage,
        cost_micros=way.cost_micros,
        attempt=way.attempt,
        routing=way.routing,
        waited_ms=way.waited_ms,
        first_token_ms=way.first_token_ms,
        total_ms=way.total_ms,
        upstream_ms=way.upstream_ms,
    )


def _failure(error: ModelError, failed: CallFailed) -> CallOutcome:
    return _without_answer(failed.way).model_copy(update={"phase": "failed", "error": call_error(error)})


def _cancelled(result: CallResult) -> CallOutcome:
    return _without_answer(result.way).model_copy(update={"error": CANCELLED, "usage": result.usage})


def _without_answer(way: Way) -> CallOutcome:
    return CallOutcome(
        phase="cancelled",
        cost_micros=way.cost_micros,
        routing=way.routing,
        waited_ms=way.waited_ms,
        total_ms=way.total_ms,
        upstream_ms=way.upstream_ms,
    )


def _finished(outcome: CallOutcome) -> Event:
    data = {"v": 1, "outcome": outcome.model_dump(mode="json", exclude_none=True)}
    return Event(source="call", source_seq=1, type=EventType.CALL_FINISHED, data=data)


CANCELLED = CallError(status=499, type="invalid_request_error", code="cancelled", message="the call was cancelled")
TIMED_OUT = CallError(status=504, type="server_error", code="timeout", message="the call was not answered in its time")
