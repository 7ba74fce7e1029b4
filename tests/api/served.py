"""Serving an API in the test's own process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from temporalio.client import Client

from api.parts import Parts
from api.serving import listen, serve
from runtime import temporal
from runtime.settings import Settings
from services.identity.authenticator import Authenticator
from services.storage.database import Database
from services.storage.event_reader import EventReader
from tests.keys import VAULT, api_client, known, settle

PATIENCE_S = 10.0


@asynccontextmanager
async def serving(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an API over these parts and give a client of it, who comes as the tests' admin."""
    parts = await known(parts)
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = asyncio.ensure_future(serve(parts, listener))
    try:
        async with api_client(url) as client:
            await until_live(client)
            yield client
    finally:
        server.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await server
        await settle(parts)


async def until_live(client: httpx.AsyncClient) -> None:
    """Ask until the API answers."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get("/livez")).is_success:
                    return
            await asyncio.sleep(0.02)


def parts_like(parts: Parts, *, database: Database | None = None, temporal: Client | None = None) -> Parts:
    """Return the same parts with one replaced, and a reader of their own."""
    chosen = database or parts.database
    identity = Authenticator(chosen, VAULT)
    return Parts(chosen, EventReader(chosen), temporal or parts.temporal, parts.deployment, identity=identity)


async def client_of(settings: Settings, address: str) -> Client:
    """Return an unconnected client of a Temporal server that may not be there."""
    return await temporal.connect(settings.model_copy(update={"temporal_address": address}), lazy=True)
