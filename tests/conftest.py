"""Real parts for every test: database, Temporal server and simulated provider, started once a run on first use."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from temporalio.client import Client

from runtime import clean_exit, search_attributes
from runtime.local import DevServer, EmbeddedPostgres, Supervisor, programs
from runtime.local.ports import free_port
from runtime.local.progress import Teller
from runtime.local.supervisor import end_leftovers
from runtime.local.temporal_binary import find
from runtime.local.temporal_server import Ports
from runtime.settings import Settings, load
from services.storage.migrate import migrate

STATE_ROOT = Path(tempfile.gettempdir()) / f"longhaul-test-{os.geteuid()}"


def pytest_unconfigure() -> None:
    """The last hook: lets Temporal's SDK end, so that the exit code says what the tests said."""
    clean_exit.settle()


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The settings of the test run, from the environment."""
    return load()


@pytest.fixture(scope="session")
def state_dir() -> Iterator[Path]:
    """A folder for the processes of this run; Unix sockets need its name to be short."""
    _clear_killed_runs()
    folder = STATE_ROOT / str(os.getpid())
    folder.mkdir(parents=True, mode=0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="session")
async def database_url(state_dir: Path) -> AsyncIterator[str]:
    """The address of an embedded PostgreSQL with our tables."""
    async with EmbeddedPostgres(state_dir) as url:
        await migrate(url)
        yield url


@pytest_asyncio.fixture(scope="session")
async def temporal_binary(settings: Settings) -> Path:
    """The `temporal` command."""
    return await find(settings.cache_dir, Teller())


@pytest_asyncio.fixture(scope="session")
async def temporal_address(settings: Settings, state_dir: Path) -> AsyncIterator[str]:
    """The address of a Temporal server that knows our search attributes."""
    if settings.temporal_address is not None:
        yield settings.temporal_address
        return
    binary = await find(settings.cache_dir, Teller())
    ports = Ports(free_port(), free_port())
    async with DevServer(state_dir, binary, ports, settings.temporal_namespace) as address:
        yield address


@pytest_asyncio.fixture(scope="session")
async def temporal_client(settings: Settings, temporal_address: str) -> Client:
    """A client of that server."""
    client = await Client.connect(temporal_address, namespace=settings.temporal_namespace)
    await search_attributes.ensure(client)
    return client


@pytest.fixture(scope="session")
def simulator_log(state_dir: Path) -> Path:
    """The simulated provider's append-only log of calls."""
    return state_dir / "calls.jsonl"


@pytest_asyncio.fixture(scope="session")
async def simulator(state_dir: Path, simulator_log: Path) -> AsyncIterator[str]:
    """The base URL of a simulated model provider, as in LONGHAUL_OPENAI_BASE_URL."""
    port = free_port()
    async with Supervisor(state_dir) as supervisor:
        await supervisor.start(programs.simulator(port, simulator_log))
        yield f"http://127.0.0.1:{port}/v1"


def _clear_killed_runs() -> None:
    """End what test runs that were killed have left running."""
    for folder in STATE_ROOT.glob("*"):
        if not psutil.pid_exists(int(folder.name)):
            end_leftovers(folder)
            shutil.rmtree(folder, ignore_errors=True)
