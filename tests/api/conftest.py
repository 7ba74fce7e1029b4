"""The real API on a loopback port, over the real database and Temporal server of the run."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from api.parts import Deployment, Parts
from api.serving import listen, serve
from runtime import search_attributes
from services.storage.database import Database
from services.storage.event_reader import EventReader
from services.storage.event_writer import EventWriter

PATIENCE_S = 10.0


@asynccontextmanager
async def serving(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an API over these parts and give a client of it."""
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = asyncio.ensure_future(serve(parts, listener))
    try:
        async with httpx.AsyncClient(base_url=url, timeout=15.0, trust_env=False) as client:
            await eventually(client, "/livez")
            yield client
    finally:
        server.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await server


async def eventually(client: httpx.AsyncClient, path: str, within_s: float = PATIENCE_S) -> httpx.Response:
    """Ask until the answer is a success."""
    async with asyncio.timeout(within_s):
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await client.get(path)
                if answer.is_success:
                    return answer
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool of the test run's database whose commits are announced."""
    made = Database(database_url)
    writer = EventWriter(made)
    await writer.start()
    yield made
    await writer.close()
    await made.close()


@pytest_asyncio.fixture(scope="session")
async def client(temporal_client: Client) -> Client:
    """A client that speaks our pydantic models."""
    await search_attributes.ensure(temporal_client)
    return Client(**{**temporal_client.config(), "data_converter": pydantic_data_converter})


@pytest.fixture(scope="session")
def make_parts(database: Database, client: Client) -> Callable[..., Parts]:
    """Make the parts of an API; every part can be replaced."""

    def make(**replaced: object) -> Parts:
        task_queue = f"nobody-{secrets.token_hex(4)}"
        parts = {"database": database, "temporal": client, "deployment": Deployment(task_queue=task_queue)}
        parts |= replaced
        return Parts(reader=EventReader(parts["database"]), **parts)

    return make


@pytest_asyncio.fixture(scope="session")
async def idle_parts(make_parts: Callable[..., Parts]) -> Parts:
    """Parts whose requests no worker takes: they stay as they were accepted."""
    return make_parts()


@pytest_asyncio.fixture(scope="session")
async def idle(idle_parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API without workers."""
    async with serving(idle_parts) as client:
        yield client
