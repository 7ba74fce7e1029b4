"""The other side of the gateway's API, played by a test: calls made by hand, over the real log and the real Live."""

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from api.gateway.models import Models
from domain import ids
from domain.budget import Price, Usage
from domain.content import Text
from domain.events import Event, EventType
from domain.gateway import CallError, CallOutcome, Routing, Try
from domain.ledger import Rate
from domain.model_pool import Capability, Deployment, Route
from domain.route_names import RouteNames
from services.storage import blobs, events
from services.storage.database import Database
from services.storage.live import Begun, Chunks, Finished, Live

Json = dict[str, Any]
WITHIN_S = 10.0
_CALLS = "SELECT id FROM request WHERE kind = 'call' AND options->>'model' = $1 ORDER BY created_at, id"
ROUTING = Routing(
    model="public",
    provider="sim",
    account="sim-a",
    deployment="sim-a-1",
    upstream_model="sim-large",
    reason="the only one",
    tries=(Try(deployment="sim-a-1", account="sim-a", outcome="ok", ms=12),),
)
USAGE = Usage(input_tokens=11, cached_tokens=4, output_tokens=7, reasoning_tokens=2)
SIM = Deployment(
    id="sim-a-1",
    account_id="sim-a",
    model="sim-large",
    capabilities=frozenset({Capability.TOOLS, Capability.VISION}),
    context_tokens=1000,
)
ROUTES = (
    Route(name="gate-*"),
    Route(name="kept-*", cache_ttl_s=60),
    Route(name="plain"),
    Route(name="dated", version="2026-01"),
    Route(name="patient-*", wait_s=30),
    Route(name="secret", owners=frozenset({"somebody-else"})),
    Route(name="off", disabled=True),
)


class ScriptedModels(Models):
    """Some routes."""

    def __init__(self) -> None:
        self._names = RouteNames(ROUTES)

    def running(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    def route(self, asked: str) -> Route | None:
        return self._names.find(asked)

    def routes_for(self, owner: str) -> Sequence[Route]:
        return [route for route in ROUTES if not route.disabled and (route.owners is None or owner in route.owners)]

    def rates(self, asked: str, owner: str) -> Sequence[Rate]:  # noqa: ARG002  the protocol's
        return (Rate(Price()),)

    def deployments_of(self, route: Route) -> Sequence[Deployment]:
        return () if route.name == "plain" else (SIM,)


def model(kind: str = "gate") -> str:
    """Return a model's name that no other test asks for."""
    return f"{kind}-{secrets.token_hex(6)}"


def said(*texts: str) -> tuple[Json, ...]:
    """Return the chunks of an answer, one a text, with the first and the last of the real API."""
    first: Json = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
    last: Json = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return (first, *({"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts), last)


class Maker:
    """Makes calls by hand. `live` None: only the log is told."""

    def __init__(self, db: Database, live: Live | None) -> None:
        self.db = db
        self.live = live

    async def calls(self, asked: str) -> list[str]:
        """Return the calls for a model's name, oldest first."""
        return [row["id"] for row in await self.db.fetch(_CALLS, asked)]

    async def call(self, asked: str, number: int = 1) -> str:
        """Wait for the n-th call for a model's name; return its id."""
        async with asyncio.timeout(WITHIN_S):
            while len(found := await self.calls(asked)) < number:
                await asyncio.sleep(0.01)
        return found[number - 1]

    async def until_followed(self, call_id: str, count: int) -> None:
        """Wait until so many in this process listen to a call."""
        assert self.live is not None
        async with asyncio.timeout(WITHIN_S):
            # the listeners of a call are nobody's business but the test's
            while len(self.live._listeners.get(call_id, ())) < count:  # pyright: ignore[reportPrivateUsage]  # looks inside
                await asyncio.sleep(0.01)

    def begun(self, call_id: str) -> None:
        """Tell this process that the call is made in it."""
        if self.live is not None:
            self.live.tell(call_id, Begun())

    def tell(self, call_id: str, chunks: Sequence[Mapping[str, Any]], first: int = 0, n: int = 1) -> None:
        """Tell chunks to this process."""
        if self.live is not None:
            self.live.tell(call_id, Chunks(n, first, tuple(chunks)))

    async def store(self, call_id: str, chunks: Sequence[Mapping[str, Any]], first: int = 0, n: int = 1) -> None:
        """Put chunks into the log."""
        made_by = ids.call_id(call_id, "call", 1, n)
        data = {"v": 1, "call_id": made_by, "first": first, "chunks": list(chunks)}
        await self._append(
            call_id, Event(source=f"call/{made_by}", source_seq=first + 1, type=EventType.CALL_CHUNK, data=data)
        )

    async def finish(self, call_id: str, answer: Sequence[Mapping[str, Any]] | Json, **changes: Any) -> CallOutcome:
        """Put the end into the log, and tell it to this process. `answer`: chunks, or a body."""
        told: Json = {"body": answer} if isinstance(answer, dict) else {"chunks": list(answer)}
        async with self.db.transaction() as tx:
            stored = await blobs.put(tx, json.dumps(told))
        return await self.end(call_id, done(stored, **changes))

    async def fail(self, call_id: str, error: CallError, **changes: Any) -> CallOutcome:
        """Put a failure on record and tell it."""
        return await self.end(call_id, CallOutcome(phase="failed", error=error, routing=ROUTING, **changes))

    async def end(self, call_id: str, outcome: CallOutcome) -> CallOutcome:
        """Put an end on record and tell it."""
        data = {"v": 1, "outcome": outcome.model_dump(mode="json")}
        await self._append(call_id, Event(source="call", source_seq=1, type=EventType.CALL_FINISHED, data=data))
        if self.live is not None:
            self.live.tell(call_id, Finished(outcome))
        return outcome

    async def answer(self, asked: str, *texts: str, number: int = 1, **changes: Any) -> str:
        """Make the n-th call for a model's name as it is made in this process; return its id."""
        call_id = await self.call(asked, number)
        chunks = said(*texts)
        self.begun(call_id)
        for place, chunk in enumerate(chunks):
            self.tell(call_id, [chunk], place)
        await self.finish(call_id, chunks, **changes)
        return call_id

    async def _append(self, call_id: str, event: Event) -> None:
        async with self.db.transaction() as tx:
            await events.append(tx, call_id, [event])


def done(stored: Text, **changes: Any) -> CallOutcome:
    """Return the outcome of a call that was answered."""
    fields: Json = {
        "phase": "done",
        "answer": stored,
        "finish_reason": "stop",
        "usage": USAGE,
        "cost_micros": 250,
        "routing": ROUTING,
        "waited_ms": 3,
        "first_token_ms": 5,
        "total_ms": 20,
        "upstream_ms": 12,
    }
    return CallOutcome(**{**fields, **changes})
