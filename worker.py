"""The worker: composition root of everything that runs work. `python -m worker` is one process of it.

Settings become services, services become activities, activities and workflows become a Temporal Worker. A server or a
database that is not up yet is waited for; one that goes away later is waited for by the parts themselves.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.answering import ModelAnswering
from activities.evaluating import ModelEvaluating
from activities.execution import ModelExecution
from activities.models import Models
from activities.planning import ModelPlanning
from activities.recording import StoredRecording
from activities.tool_servers import McpToolServers
from activities.tooling import McpTooling
from contracts.policies import HEARTBEAT_THROTTLE, STICKY_TIMEOUT
from domain.errors import InvalidInput, Unavailable
from runtime import clean_exit, temporal
from runtime.local.signals import run_until_signalled
from runtime.local.tool_environments import program_folders, search_path
from runtime.schedules import ensure_refresh_schedule
from runtime.settings import PROJECT_ROOT, Settings, SettingsError, environment, load
from runtime.tool_changes import RefreshOnChange
from services.llm.caller import ModelCaller
from services.llm.openai_chat import OpenAIChat, Provider
from services.llm.prices import Prices
from services.storage.database import Database
from services.storage.event_writer import EventWriter
from services.tools.client.commands import Commands
from services.tools.registry import servers_file
from services.tools.rewrapping import rewrap
from services.tools.toolbox import Toolbox, open_toolbox
from services.vault.errors import KeysInvalid
from services.vault.keys import open_vault
from workflows.registry import WORKFLOWS

GRACE = timedelta(seconds=4)
"""How long activities may go on when the worker stops; then they are cancelled and another worker takes over."""
PAUSE_S = 1.0
PASSED_THROUGH = ("domain", "contracts", "pydantic", "pydantic_core", "annotated_types", "typing_inspection")
"""Pure or import-heavy modules that the workflow sandbox takes from the process instead of importing them again."""
SIMULATED = "simulated"

_log = logging.getLogger("worker")
T = TypeVar("T")


@dataclass(frozen=True)
class Services:
    """The outside world as the activities use it."""

    db: Database
    writer: EventWriter
    caller: ModelCaller
    default_model: str
    tools: Toolbox
    on_tool_change: RefreshOnChange


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Make the services of a process, and close them at the end. Connects to nothing yet.

    Raises:
        SettingsError: The database or the model provider is not set.
        InvalidInput: The price table cannot be read.
    """
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL is not set")
    if settings.openai_base_url is None or settings.openai_model is None:
        raise SettingsError("LONGHAUL_OPENAI_BASE_URL and LONGHAUL_OPENAI_MODEL are not set")
    prices = Prices.load()
    db = Database(settings.database_url.get_secret_value())
    writer = EventWriter(db)
    await writer.start()
    try:
        on_change = RefreshOnChange(settings.task_queue)
        async with OpenAIChat(_provider(settings)) as model, _open_tools(settings, db, on_change) as tools:
            yield Services(db, writer, ModelCaller(db, writer, model, prices), settings.openai_model, tools, on_change)
    finally:
        await writer.close()
        await db.close()


def _open_tools(settings: Settings, db: Database, on_change: RefreshOnChange) -> AbstractAsyncContextManager[Toolbox]:
    keys = settings.master_keys
    vault = open_vault(None if keys is None else keys.get_secret_value(), settings.key_file)
    return open_toolbox(
        db,
        vault,
        _commands(settings),
        redirect_uri=f"{settings.own_url}/v1/tool-sign-ins/callback",
        on_changed=on_change,
    )


def _commands(settings: Settings) -> Commands:
    """Return what stdio tool servers may be, looked for in folders of a setting, our own environments, and PATH."""
    folders = (*settings.tool_folders, *search_path(PROJECT_ROOT), *program_folders())
    return Commands(settings.tool_command_names, folders, state_dir=settings.state_dir / "tools")


async def import_tool_servers(settings: Settings, services: Services) -> None:
    """Bring stored credentials under the master key in use, and take over the file of tool servers when it has changed.

    Raises:
        InvalidInput: It cannot be used.
    """
    tools = services.tools
    await rewrap(services.db, tools.vault)
    async with services.db.transaction() as tx:
        await servers_file.import_file(tx, tools.vault, tools.commands, settings.tool_servers_file, environment())


async def keep_tools_fresh(client: Client, settings: Settings, services: Services) -> None:
    """Have the lists of tool servers read now, and again by schedule."""
    await ensure_refresh_schedule(client, settings.task_queue, settings.tool_refresh_s)
    await services.on_tool_change.start(client, None, "event")


def _provider(settings: Settings) -> Provider:
    key = settings.openai_api_key
    return Provider(
        base_url=str(settings.openai_base_url),
        api_key=key.get_secret_value() if key else None,
        simulated=settings.provider_label == SIMULATED,
        max_connections=settings.max_concurrent_activities,
    )


def build_worker(client: Client, settings: Settings, services: Services) -> Worker:
    """Return a worker of the settings' task queue; `async with` or `run()` it."""
    services.on_tool_change.client = client
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=activities(services),
        workflow_runner=sandbox() if settings.workflow_sandbox else UnsandboxedWorkflowRunner(),
        max_cached_workflows=settings.max_cached_workflows,
        max_concurrent_workflow_tasks=settings.max_concurrent_workflow_tasks,
        max_concurrent_activities=settings.max_concurrent_activities,
        max_concurrent_local_activities=settings.max_concurrent_local_activities,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        default_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=GRACE,
    )


def sandbox() -> SandboxedWorkflowRunner:
    """Return the sandbox that workflows run in when a setting asks for it, and in the tests and replays always."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


def activities(services: Services) -> list[Callable[..., Any]]:
    """Return the implementation of every activity port's method."""
    models = Models(services.caller, services.default_model)
    planning = ModelPlanning(services.db, models)
    recording = StoredRecording(services.db)
    tools = services.tools
    tooling = McpTooling(services.db, tools.caller)
    tool_servers = McpToolServers(services.db, tools.vault, tools.connections, tools.auth)
    return [
        planning.prepare,
        planning.make_plan,
        ModelExecution(models).execute_step,
        ModelEvaluating(models).evaluate_step,
        ModelAnswering(services.db, models).synthesize,
        recording.record,
        recording.check_condition,
        tooling.bind_tools,
        tooling.prepare_call,
        tooling.call_tool,
        tool_servers.servers_to_refresh,
        tool_servers.refresh_server,
        tool_servers.sign_in,
        tool_servers.open_gates,
    ]


async def until_up(name: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Return what `attempt` returns once it is no longer Unavailable; log that it is waited for, and when it came."""
    waited = False
    while True:
        try:
            result = await attempt()
        except Unavailable:
            if not waited:
                _log.warning("%s does not answer yet, waiting for it", name)
            waited = True
            await asyncio.sleep(PAUSE_S)
        else:
            if waited:
                _log.info("%s answers", name)
            return result


async def serve(settings: Settings) -> int:
    """Run a worker until it is cancelled."""
    async with open_services(settings) as services:
        await until_up("the database", services.db.ping)
        await import_tool_servers(settings, services)
        client = await until_up("Temporal", lambda: temporal.connect(settings))
        await keep_tools_fresh(client, settings, services)
        _log.info("working on %s", settings.task_queue)
        await build_worker(client, settings, services).run()
    return 0


def main() -> int:
    """Run a worker by the environment's settings until Ctrl-C or SIGTERM; return the exit code."""
    try:
        settings = load()
        logging.basicConfig(level=settings.log_level.value, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        logging.getLogger("httpx").setLevel(logging.WARNING)
        return clean_exit.run(run_until_signalled(serve(settings)))
    except (SettingsError, temporal.NoAddressError, InvalidInput, KeysInvalid) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
