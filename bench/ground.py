"""What every contender stands on: one PostgreSQL, one Temporal server on it, one simulated model without delay.

All are child processes of ours on loopback, with their state in a temporary folder; TEMPORAL_ADDRESS names a server to
use in place of our own.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from temporalio.client import Client

from bench.databases import Databases
from bench.temporal_postgres import PostgresTemporal, get_programs
from runtime import search_attributes
from runtime.local import EmbeddedPostgres, Supervisor, programs
from runtime.local.ports import free_port
from runtime.local.progress import Teller
from runtime.settings import Settings

SHARED: Final = ("postgres", "temporal", "simulator")
SETTLE_S: Final = 5.0
"""Each service of a new server learns of search attributes with its namespace cache, renewed every two seconds."""


@dataclass(frozen=True)
class Ground:
    """Where contenders run.

    Attributes:
        supervisor: Of all processes.
        databases: The PostgreSQL's.
        temporal: The Temporal server's address, as host:port.
        own_temporal: Whether that server is ours, on this PostgreSQL.
        model_url: The simulated model's base URL.
        folder: For state, as long as it lasts.
        python: Variables for Python programs: they keep byte code as anywhere, whatever this environment says, because
            the workflow sandbox imports modules for every run.
    """

    supervisor: Supervisor
    databases: Databases
    temporal: str
    own_temporal: bool
    model_url: str
    folder: Path
    python: Mapping[str, str]

    def pids(self, names: tuple[str, ...]) -> dict[str, int]:
        """The ids of the shared processes and of these."""
        shared = SHARED if self.own_temporal else tuple(name for name in SHARED if name != "temporal")
        found = {name: self.supervisor.pid(name) for name in (*shared, *names)}
        return {name: pid for name, pid in found.items() if pid is not None}


@asynccontextmanager
async def ground(settings: Settings, teller: Teller) -> AsyncIterator[Ground]:
    """Start all of it; ends every process on leaving."""
    async with AsyncExitStack() as exits:
        folder = exits.enter_context(_state_folder())
        supervisor = await exits.enter_async_context(Supervisor(folder, teller.say))
        postgres = EmbeddedPostgres(folder)
        await supervisor.start(postgres.spec)
        databases = Databases(postgres.address)
        temporal = settings.temporal_address or await _own_temporal(settings, teller, databases, supervisor, folder)
        await search_attributes.ensure(await Client.connect(temporal))
        await asyncio.sleep(SETTLE_S)
        port = free_port()
        await supervisor.start(programs.simulator(port, folder / "calls.jsonl"))
        own = settings.temporal_address is None
        python = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        yield Ground(supervisor, databases, temporal, own, f"http://127.0.0.1:{port}/v1/", folder, python)


@contextmanager
def _state_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lh-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as another user when we are root
        yield folder


async def _own_temporal(
    settings: Settings, teller: Teller, databases: Databases, supervisor: Supervisor, folder: Path
) -> str:
    temporal = PostgresTemporal(await get_programs(settings.cache_dir, teller), databases, folder)
    await temporal.make_databases()
    await supervisor.start(temporal.spec)
    return temporal.address
