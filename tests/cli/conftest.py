"""`server.py` as its own process, as `make run` starts it, for commands that run as users run them."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from runtime.local import Supervisor, programs
from runtime.local.ports import free_port
from runtime.settings import Settings
from tests.cli.command import Cli
from tests.keys import process_variables


@pytest_asyncio.fixture(scope="session")
async def server(
    settings: Settings, state_dir: Path, database_url: str, temporal_address: str, simulator: str
) -> AsyncIterator[str]:
    """The address of API and worker in one process."""
    port = free_port()
    variables = {
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": temporal_address,
        "TEMPORAL_NAMESPACE": settings.temporal_namespace,
        "LONGHAUL_OPENAI_BASE_URL": simulator,
        "LONGHAUL_OPENAI_MODEL": "longhaul-sim",
        "LONGHAUL_PROVIDER_LABEL": "simulated",
        "LONGHAUL_TASK_QUEUE": f"cli-{secrets.token_hex(4)}",
        "LONGHAUL_API_PORT": str(port),
        "LONGHAUL_SEARCH_ATTRIBUTES": "off",
        **process_variables(),
    }
    async with Supervisor(state_dir / "cli") as supervisor:
        await supervisor.start(programs.server("127.0.0.1", port, variables))
        yield programs.api_url("127.0.0.1", port)


@pytest_asyncio.fixture
async def provider(simulator: str) -> AsyncIterator[httpx.AsyncClient]:
    """The simulated provider's control."""
    async with httpx.AsyncClient(base_url=simulator.removesuffix("/v1"), trust_env=False) as client:
        yield client


@pytest_asyncio.fixture
async def cli(server: str, temporal_address: str) -> Cli:
    """The command, pointed at the server."""
    return Cli(server, temporal_address)
