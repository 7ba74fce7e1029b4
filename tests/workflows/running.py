"""The whole product in one process, over real parts: API, worker and their services."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr

from api.parts import Deployment, Parts
from api.serving import listen, serve
from composition.services import open_services
from composition.start import SIMULATED, import_configuration
from composition.workers import build_worker
from domain.placement import Placement
from runtime import search_attributes, temporal
from runtime.settings import Settings
from services.llm.admin import PoolAdmin
from services.storage.event_reader import EventReader
from services.tools.admin import ToolAdmin
from tests.keys import MASTER_KEYS, api_client, known, settle
from tests.workflows.product import Product

MODEL = "longhaul-sim"
TEST_WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


def settings_of(settings: Settings, database_url: str, temporal_address: str, simulator: str) -> Settings:
    """Return settings that name the real parts, and a task queue of their own."""
    return settings.model_copy(
        update={
            "database_url": SecretStr(database_url),
            "temporal_address": temporal_address,
            "openai_base_url": simulator,
            "openai_model": MODEL,
            "provider_label": SIMULATED,
            "task_queue": f"test-{secrets.token_hex(4)}",
            "workflow_sandbox": True,
            "master_keys": SecretStr(MASTER_KEYS),
            "webhook_secret": SecretStr(TEST_WEBHOOK_SECRET),
            "tool_servers_file": Path("no-such-file"),
            "providers_file": Path("no-such-file"),
        }
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Product]:
    """Run API and worker; the model of the product is the settings' own, so a test takes it `with_model`."""
    async with open_services(settings) as services:
        await import_configuration(settings, services)
        client = await temporal.connect(settings)
        await search_attributes.ensure(client)
        pool = PoolAdmin(services.db, services.vault)
        workers = build_worker(client, settings, services)
        parts = Parts(
            database=services.db,
            reader=EventReader(services.db),
            temporal=client,
            deployment=Deployment(
                task_queue=settings.task_queue, placement=Placement.AUTO, eager_start=True, simulated=True
            ),
            tools=ToolAdmin(services.db, services.tools.vault, services.tools.commands),
            pool=pool,
            live=services.live,
            writer=services.writer,
            flights=workers.flights,
        )
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        async with workers:
            parts = await known(parts)
            serving = asyncio.create_task(serve(parts, listener))
            async with (
                api_client(f"http://127.0.0.1:{port}", timeout=30) as api,
                httpx.AsyncClient(base_url=_control_of(settings), timeout=30, trust_env=False) as model,
            ):
                yield Product(api, model, client, MODEL, settings.task_queue, services, pool)
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await settle(parts)


def _control_of(settings: Settings) -> str:
    """Return where the simulated provider takes its faults: beside the API it plays."""
    return str(settings.openai_base_url).removesuffix("/v1")
