"""The real parts of a model call: database, event writer, simulated provider over HTTP, journaled caller."""

import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from domain import ids
from domain.content import Text
from domain.documents import StepDocument
from domain.events import Event
from domain.model_pool import Dialect
from domain.request import Options
from services.llm.adapters.factory import open_adapters
from services.llm.assignment import Assignment, Compose
from services.llm.caller import ModelCaller
from services.llm.chat import Adapter, ChatAnswer, ChatRequest, PlainRequest, Target
from services.llm.collecting import Collected
from services.llm.pool.catalogue import Catalogue
from services.llm.pool.pool import ModelPool
from services.llm.pool.port import Pool
from services.llm.prices import Prices
from services.storage import blobs, events
from services.storage.database import Database
from services.storage.event_writer import EventWriter
from services.storage.events import StoredEvent
from services.storage.journal import CallKey
from services.storage.live import Live
from services.storage.requests import NewRequest, accept
from services.storage.statements import Statements
from services.storage.views import calls as call_views
from tests.llm.pooled import VAULT, add_model

OWNER = "local"


class Sim:
    """The simulated provider's control: faults for one model, so that tests may run side by side."""

    def __init__(self, base_url: str, client: httpx.AsyncClient) -> None:
        self.base_url = base_url
        self.model = f"longhaul-sim-{secrets.token_hex(6)}"
        self._client = client
        self._control = base_url.removesuffix("/v1") + "/__sim"

    async def fault(self, *, times: int | None = None, match: dict[str, Any] | None = None, **fault: Any) -> None:
        """Add a fault for this test's model."""
        rule = {"match": {"model": self.model, **(match or {})}, "times": times, "fault": fault}
        (await self._client.post(f"{self._control}/faults", json=rule)).raise_for_status()

    async def calls(self) -> list[dict[str, Any]]:
        """Return this test's calls, oldest first."""
        answer = await self._client.get(f"{self._control}/calls", params={"model": self.model})
        calls: list[dict[str, Any]] = answer.raise_for_status().json()["calls"]
        return calls


@dataclass(frozen=True)
class Parts:
    """What a test works with."""

    db: Database
    writer: EventWriter
    live: Live
    adapters: Mapping[Dialect, Adapter]
    catalogue: Catalogue
    pool: Pool
    sim: Sim
    caller: ModelCaller

    def another_process(self) -> ModelCaller:
        """Return a caller that shares nothing but the database and the pool with the first."""
        return ModelCaller(self.db, self.writer, self.pool, self.adapters, Live())

    def target(self, **changes: Any) -> Target:
        """Return where the simulated provider is."""
        fields: dict[str, Any] = {"dialect": Dialect.OPENAI, "base_url": self.sim.base_url, "allow_private": True}
        return Target(**(fields | changes))

    async def new_request(self, message: str = "hello", **more: Any) -> str:
        """Accept a request and return its id."""
        request_id = ids.request_id(int(time.time() * 1000), secrets.randbits(80))
        async with self.db.transaction() as tx:
            text = await blobs.put(tx, message)
            await accept(tx, NewRequest(request_id=request_id, owner=OWNER, message=text, options=Options(), **more))
        return request_id

    async def log(self, request_id: str) -> list[StoredEvent]:
        """Return the request's events."""
        async with self.db.transaction() as tx:
            return await events.read(tx, request_id, 0, 1000)

    async def rows(self, request_id: str) -> list[call_views.CallView]:
        """Return the request's rows in the journal."""
        async with self.db.transaction() as tx:
            return await call_views.calls(tx, OWNER, request_id)

    async def put(self, text: str) -> Text:
        """Store a text."""
        async with self.db.transaction() as tx:
            return await blobs.put(tx, text)


@asynccontextmanager
async def parts(database_url: str, simulator: str) -> AsyncIterator[Parts]:
    """Make the parts, and close them at the end."""
    db = Database(database_url)
    writer, live, catalogue = EventWriter(db), Live(), Catalogue(db, VAULT)
    await writer.start()
    pool = ModelPool(db, catalogue, Prices({}), "test")
    await pool.start()
    async with httpx.AsyncClient(trust_env=False) as client, open_adapters() as adapters:
        sim = Sim(simulator, client)
        await add_model(db, sim.model, simulator)
        await catalogue.refresh()
        caller = ModelCaller(db, writer, pool, adapters, live)
        yield Parts(db, writer, live, adapters, catalogue, pool, sim, caller)
        await caller.close()
    await pool.close()
    await writer.close()
    await db.close()


def chat_request(model: str, **changes: Any) -> ChatRequest:
    """Return a step's call."""
    user = StepDocument(step_id="s1", prompt="Summarise the report about turtles in Malta.", language="en")
    fields: dict[str, Any] = {
        "model": model,
        "system": "Do the step.",
        "user": user.model_dump_json(exclude_none=True),
        "max_output_tokens": 1000,
        "timeout_s": 5.0,
    }
    return ChatRequest.task(**(fields | changes))


def composing(request: ChatRequest | PlainRequest) -> Compose:
    """Return what gives the caller a ready request."""

    async def compose(_where: Statements) -> ChatRequest | PlainRequest:
        return request

    return compose


def assignment(request_id: str, **changes: Any) -> Assignment:
    """Return the assignment of step s1's first round."""
    fields: dict[str, Any] = {"key": CallKey(request_id, "s1", 1), "owner": OWNER, "streams": True}
    return Assignment(**(fields | changes))


async def collect(adapter: Adapter, target: Target, request: ChatRequest) -> ChatAnswer:
    """Stream one answer to its end."""
    collected = Collected(request)
    async for chunk in adapter.chat(target, request):
        collected.add(chunk)
    return collected.answer(simulated=target.simulated)


def of_type(log: list[StoredEvent], event_type: str) -> list[dict[str, Any]]:
    """Return the data of a log's events of one type."""
    return [event.data for event in log if event.type == event_type]


def event(source_seq: int, **data: Any) -> Event:
    """Return an event of step s1's runner."""
    return Event.model_validate(
        {"source": "step/s1", "source_seq": source_seq, "type": "step.started", "data": {"v": 1, **data}}
    )
