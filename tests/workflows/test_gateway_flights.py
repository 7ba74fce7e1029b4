"""A call that the API begins at once is made once, whoever gets its workflow's first task."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import pytest_asyncio

from api.parts import Deployment, Parts
from composition.services import open_services
from composition.start import import_configuration
from composition.workers import build_worker
from contracts.gateway import CallLaunch, Flights
from runtime import temporal
from runtime.settings import Settings
from services.llm.admin import PoolAdmin
from services.storage.event_reader import EventReader
from tests.api.served import serving
from tests.workflows.product import Product, eventually
from tests.workflows.running import running, settings_of

CHAT = "/v1/chat/completions"


class Watched(Flights):
    """The flights of a process, and what was begun there."""

    def __init__(self, flights: Flights) -> None:
        self._flights = flights
        self.queue = flights.queue
        self.begun: list[str] = []

    def begin(self, launch: CallLaunch) -> None:
        self.begun.append(launch.call_id)
        self._flights.begin(launch)

    def halt(self, call_id: str) -> bool:
        return self._flights.halt(call_id)


@dataclass(frozen=True)
class TwoProcesses:
    """An API that begins calls itself, before workers of another process; `here`: what it began."""

    product: Product
    here: Watched


@pytest_asyncio.fixture(scope="module")
async def workers(
    settings: Settings, database_url: str, temporal_address: str, simulator: str
) -> AsyncIterator[tuple[Settings, Product]]:
    """A process with workers, whose own API nobody asks."""
    chosen = settings_of(settings, database_url, temporal_address, simulator)
    async with running(chosen) as product:
        yield chosen, product


@pytest_asyncio.fixture
async def two(workers: tuple[Settings, Product]) -> AsyncIterator[TwoProcesses]:
    there, product = workers
    here = there.model_copy(update={"task_queue": f"here-{secrets.token_hex(4)}"})
    async with open_services(here) as services:
        await import_configuration(here, services)
        client = await temporal.connect(here)
        work = build_worker(client, here, services)
        flights = Watched(work.flights)
        pool = PoolAdmin(services.db, services.vault)
        parts = Parts(
            database=services.db,
            reader=EventReader(services.db),
            temporal=client,
            deployment=Deployment(there.task_queue, simulated=True),
            pool=pool,
            live=services.live,
            flights=flights,
        )
        async with work, serving(parts) as api:
            mine = replace(product, api=api, services=services, pool=pool, task_queue=there.task_queue)
            yield TwoProcesses(await mine.with_own_model(f"longhaul-sim-{secrets.token_hex(4)}"), flights)


def asking(product: Product, **more: object) -> dict[str, object]:
    return {"model": product.model, "messages": [{"role": "user", "content": "Hello!"}], **more}


async def ended(product: Product, call_id: str) -> dict[str, object]:
    """Wait for the workflow's own end."""
    made: dict[str, object] = await product.temporal.get_workflow_handle(call_id, result_type=dict).result()
    return made


async def test_a_call_is_made_where_it_was_begun(two: TwoProcesses) -> None:
    product = two.product
    answer = await product.api.post(CHAT, json=asking(product))
    assert answer.status_code == 200, answer.text
    call_id = answer.headers["x-longhaul-request-id"]
    assert two.here.begun == [call_id]
    assert (await ended(product, call_id))["state"] == "done"
    assert len(await product.calls()) == 1


async def test_a_call_of_some_seconds_is_followed_from_the_other_process(two: TwoProcesses) -> None:
    product = two.product
    await product.fault({"delay_s": 3.0}, times=1)
    answer = await product.api.post(CHAT, json=asking(product))
    assert answer.status_code == 200, answer.text
    assert (await ended(product, answer.headers["x-longhaul-request-id"]))["state"] == "done"
    assert len(await product.calls()) == 1


async def test_a_client_that_leaves_ends_the_call_where_it_flies(two: TwoProcesses) -> None:
    product = two.product
    await product.fault({"delay_s": 30.0}, times=1)
    asked = asyncio.create_task(product.api.post(CHAT, json=asking(product)))
    await eventually(product.calls)
    asked.cancel()
    await asyncio.wait({asked})
    (call_id,) = two.here.begun
    assert (await ended(product, call_id))["state"] == "cancelled"


async def test_the_same_key_joins_the_flight(two: TwoProcesses) -> None:
    product = two.product
    await product.fault({"delay_s": 1.0}, times=1)
    key = {"Idempotency-Key": secrets.token_hex(8)}

    async def ask() -> httpx.Response:
        return await product.api.post(CHAT, json=asking(product), headers=key)

    answers = await asyncio.gather(*(ask() for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["x-longhaul-request-id"] for answer in answers}) == 1
    assert len(two.here.begun) == 1
    assert len(await product.calls()) == 1


async def test_jobs_do_not_fly_ahead_of_their_turn(two: TwoProcesses) -> None:
    product = two.product
    accepted = await product.api.post(CHAT, json=asking(product, **{"async": True}))
    assert accepted.status_code == 202, accepted.text
    assert (await ended(product, accepted.json()["id"]))["state"] == "done"
    assert two.here.begun == []
