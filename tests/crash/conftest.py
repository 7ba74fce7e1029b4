"""A machine of our own: every process of the product as a child that a test may kill, stop and start again."""

import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio
from temporalio.client import Client

from runtime import temporal
from runtime.local import DevServer, EmbeddedPostgres, Supervisor, programs
from runtime.local.atlassian import simulated_servers
from runtime.local.ports import free_port
from runtime.local.supervisor import Backoff
from runtime.local.temporal_server import Ports
from runtime.settings import Settings
from services.storage.migrate import migrate
from tests.crash.machine import Machine, api_alone, worker_alone
from tests.keys import api_client, process_variables
from tests.workflows.product import Product, eventually


@pytest_asyncio.fixture(scope="session")
async def machine(settings: Settings, state_dir: Path, temporal_binary: Path) -> AsyncIterator[Machine]:
    """PostgreSQL, Temporal, simulated provider, API and worker, each a process of its own."""
    folder = state_dir / "crash"
    folder.mkdir()
    async with Supervisor(folder, backoff=Backoff(first_s=0.1, longest_s=0.1)) as supervisor:
        postgres = EmbeddedPostgres(folder)
        await supervisor.start(postgres.spec)
        await migrate(postgres.address)
        dev = DevServer(folder, temporal_binary, Ports(free_port(), free_port()), settings.temporal_namespace)
        await supervisor.start(dev.spec)
        sim_port, api_port = free_port(), free_port()
        await supervisor.start(programs.simulator(sim_port, folder / "calls.jsonl"))
        jira_port = free_port()
        await supervisor.start(programs.atlassian_simulator(jira_port, folder / "writes.jsonl"))
        servers = folder / "tool-servers.json"
        servers.write_text(json.dumps(simulated_servers(jira_port)))
        failpoints = folder / "failpoints"
        failpoints.mkdir()
        variables = {
            "LONGHAUL_FAILPOINTS": str(failpoints),
            "LONGHAUL_STATE_DIR": str(folder),
            **process_variables(),
            "LONGHAUL_TOOL_SERVERS_FILE": str(servers),
            "DATABASE_URL": postgres.address,
            "TEMPORAL_ADDRESS": dev.address,
            "LONGHAUL_OPENAI_BASE_URL": f"http://127.0.0.1:{sim_port}/v1",
            "LONGHAUL_OPENAI_MODEL": "longhaul-sim",
            "LONGHAUL_API_PORT": str(api_port),
            "LONGHAUL_TASK_QUEUE": f"crash-{secrets.token_hex(4)}",
        }
        await supervisor.start(worker_alone(variables))
        await supervisor.start(api_alone(api_port, variables))
        client = await temporal.connect(settings.model_copy(update={"temporal_address": dev.address}))
        async with (
            api_client(f"http://127.0.0.1:{api_port}", timeout=30) as api,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{sim_port}", timeout=30, trust_env=False) as model,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{jira_port}", timeout=30, trust_env=False) as jira,
        ):
            product = Product(api, model, client, "longhaul-sim")

            async def has_models() -> bool:
                return (await api.get("/v1/models/longhaul-sim")).is_success  # the worker has brought its provider

            await eventually(has_models, within_s=30)
            yield Machine(supervisor, product, postgres.address, dev.address, jira, variables)


@pytest_asyncio.fixture
async def product(machine: Machine) -> Product:
    """The product on that machine, with a model name of the test's own."""
    return machine.product.with_model(f"longhaul-sim-{secrets.token_hex(4)}")


@pytest_asyncio.fixture
async def client(machine: Machine) -> Client:
    """A client of the machine's Temporal server."""
    return machine.product.temporal
