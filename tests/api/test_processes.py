"""The API as a process of its own: it starts while all else is down, and ends in order while streams are open."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from cli.api import Api, Event
from runtime.local.ports import free_port
from runtime.settings import PROJECT_ROOT, Settings, child_environment
from tests.api.served import until_live
from tests.keys import ADMIN_KEY, api_client, process_variables
from tests.workflows.product import Product, eventually

THREE = "Write about rain. Write about snow. Then compare them."


@asynccontextmanager
async def api_process(variables: dict[str, str], port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `python -m api` until it lives; end it afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "api",
        cwd=PROJECT_ROOT,
        env=child_environment({**variables, "LONGHAUL_API_PORT": str(port)}),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            await until_live(client)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
def variables(served_settings: Settings) -> dict[str, str]:
    url, address = served_settings.database_url, served_settings.temporal_address
    assert url is not None
    assert address is not None
    return {
        "DATABASE_URL": url.get_secret_value(),
        "TEMPORAL_ADDRESS": address,
        "LONGHAUL_TASK_QUEUE": served_settings.task_queue,
        **process_variables(),
    }


async def test_api_starts_and_answers_503_while_database_and_temporal_are_down() -> None:
    port = free_port()
    down = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    async with api_process(down, port), api_client(f"http://127.0.0.1:{port}", timeout=10) as client:
        assert (await client.get("/readyz")).json() == {
            "status": "not_ready",
            "database": "down",
            "temporal": "down",
        }
        assert (await client.post("/v1/requests", json={"message": "hi"})).status_code == 503


async def test_watcher_of_a_restarted_api_misses_nothing(product: Product, variables: dict[str, str]) -> None:
    await product.fault({"hang": True}, task="step", step_id="s1")
    request_id = await product.submit(THREE)
    await product.until_active(request_id, 1)
    port = free_port()
    events: list[Event] = []

    async def heard() -> bool:
        return bool(events)

    async with api_process(variables, port) as first:
        watching = asyncio.create_task(
            asyncio.to_thread(lambda: events.extend(Api(f"http://127.0.0.1:{port}", ADMIN_KEY).events(request_id)))
        )
        await eventually(heard)
        first.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(first.wait(), 5) == 0
    async with api_process(variables, port):
        assert (await product.send(request_id, "cancel")).status_code == 200
        await asyncio.wait_for(watching, 10)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].type == "request.finished"
