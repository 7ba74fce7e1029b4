"""`python -m tests.replay.record`: play every scenario on real parts; keep histories and fingerprints.

Takes a minute or two. Everything recorded before is replaced.
"""

import asyncio
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import WorkflowHistory

from runtime import clean_exit
from runtime.local import DevServer, EmbeddedPostgres, Supervisor, programs
from runtime.local.ports import free_port
from runtime.local.progress import Teller
from runtime.local.temporal_binary import find
from runtime.local.temporal_server import Ports
from runtime.settings import load
from services.storage.migrate import migrate
from tests.replay import fingerprints, histories
from tests.replay.histories import Recorded
from tests.replay.scenarios.chapters import SCENARIOS
from tests.replay.scenarios.scenario import Scenario
from tests.workflows.product import Product
from tests.workflows.running import running, settings_of

AT_ONCE = 4
PLAYED_WITHIN_S = 60.0


async def record() -> None:
    """Play all scenarios, some at once, and write what they leave."""
    at_once = asyncio.Semaphore(AT_ONCE)
    with tempfile.TemporaryDirectory(prefix="lh-", ignore_cleanup_errors=True) as name:
        async with _product(_enterable(Path(name))) as product:
            played = await asyncio.gather(*(_play(entry, product, at_once) for entry in SCENARIOS.values()))
    histories.write({entry: history for part in played for entry, history in part.items()})
    fingerprints.write()


def _enterable(folder: Path) -> Path:
    """Let the database's own user into a folder."""
    folder.chmod(0o711)
    return folder


@asynccontextmanager
async def _product(folder: Path) -> AsyncIterator[Product]:
    settings = load()
    binary = await find(settings.cache_dir, Teller())
    sim_port = free_port()
    async with (
        EmbeddedPostgres(folder) as database_url,
        DevServer(folder, binary, Ports(free_port(), free_port()), settings.temporal_namespace) as address,
        Supervisor(folder) as supervisor,
    ):
        await migrate(database_url)
        await supervisor.start(programs.simulator(sim_port, folder / "calls.jsonl"))
        simulator = f"http://127.0.0.1:{sim_port}/v1"
        async with running(settings_of(settings, database_url, address, simulator)) as product:
            yield product


async def _play(entry: Scenario, product: Product, at_once: asyncio.Semaphore) -> dict[Recorded, WorkflowHistory]:
    """Play one scenario with a model name of its own; return its histories."""
    async with at_once:
        try:
            async with asyncio.timeout(PLAYED_WITHIN_S):
                kept = await entry.play(await product.with_own_model(f"longhaul-sim-{secrets.token_hex(4)}"))
                fetched = {suffix: await handle.fetch_history() for suffix, handle in kept.items()}
        except Exception as error:
            raise RuntimeError(f"scenario {entry.name}") from error
    sys.stdout.write(f"{entry.name}: {', '.join(str(len(history.events)) for history in fetched.values())} events\n")
    return {
        Recorded(f"{entry.name}.{suffix}" if suffix else entry.name, _type_of(history), entry.covers): history
        for suffix, history in fetched.items()
    }


def _type_of(history: WorkflowHistory) -> str:
    return history.events[0].workflow_execution_started_event_attributes.workflow_type.name


if __name__ == "__main__":
    sys.exit(clean_exit.run(record()))
