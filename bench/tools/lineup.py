"""All ways of a run, opened together: bare client, our layers, two workers of the product in this process."""

import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bench.ground import Ground
from bench.tools import servers
from bench.tools.bare import CallFailedError, bare
from bench.tools.ours import OWNER, Requests, action_of, connection, journaled
from bench.tools.plans import Plans
from bench.tools.steps import GENERATE, TOOL, WITHOUT, Queue, calling, generating
from bench.tools.way import TEXT, Way
from bench.tools.without import without_a_tool
from composition.services import Services, open_services
from composition.start import import_configuration
from composition.workers import build_worker
from domain.tool_server import ToolServer
from runtime import temporal
from runtime.local.provider import SIMULATED, SIMULATED_MODEL
from runtime.settings import Settings
from services.storage.migrate import migrate
from services.tools.registry import capabilities

_DATABASE: Final = "bench_tools"


@asynccontextmanager
async def ways(ground: Ground, settings: Settings) -> AsyncIterator[list[Way]]:
    """Open all of them; the figures that are compared stand next to each other."""
    url = await servers.start(ground)
    await ground.databases.create(_DATABASE)
    await migrate(ground.databases.address(_DATABASE))
    chosen = _settings(settings, ground)
    async with AsyncExitStack() as exits:
        services = await exits.enter_async_context(open_services(chosen))
        await import_configuration(chosen, services)
        sdk = await exits.enter_async_context(bare(url))
        over_http = await servers.register(services.db, services.tools, servers.over_http(url))
        over_stdio = await servers.register(services.db, services.tools, servers.over_stdio())
        accepted = Requests(services.db)
        layers = [
            *await _layers(services, accepted, over_http, over_stdio),
            *await _workers(exits, chosen, services, accepted, over_http),
        ]
        yield [*sdk, *layers]


async def _layers(services: Services, accepted: Requests, over_http: ToolServer, over_stdio: ToolServer) -> list[Way]:
    db, tools = services.db, services.tools
    return [
        await connection(db, tools.connections, "http", over_http),
        await connection(db, tools.connections, "stdio", over_stdio),
        await journaled(accepted, tools.caller, "http", over_http),
        await journaled(accepted, tools.caller, "stdio", over_stdio),
    ]


async def _workers(
    exits: AsyncExitStack, settings: Settings, services: Services, accepted: Requests, server: ToolServer
) -> list[Way]:
    """Start a worker with the tool server and one without, and return what is run by them."""
    client = await temporal.connect(settings)
    without = settings.model_copy(update={"task_queue": f"{settings.task_queue}-without"})
    await exits.enter_async_context(build_worker(client, settings, services))
    await exits.enter_async_context(build_worker(client, without, await _without(services, server)))
    queue = Queue(client, settings.task_queue, accepted)
    launch = await calling(accepted, server)
    return [
        queue.way(TOOL, launch),
        Queue(client, without.task_queue, accepted).way(WITHOUT, launch),
        queue.way(GENERATE, generating),
        *await Plans(client, settings.task_queue, accepted, str(settings.openai_base_url)).ways(server.id),
    ]


async def _without(services: Services, server: ToolServer) -> Services:
    """The services without a tool; their answer is one that the tool has given."""
    action, connections = action_of(server, "echo"), services.tools.connections
    found = await capabilities.find(services.db, action, OWNER)
    if found is None:
        raise CallFailedError(f"{server.id} has no echo")
    answer = await connections.call(server, OWNER, action, {"text": TEXT}, timeout_s=10)
    return without_a_tool(services, found.capability, answer)


def _settings(settings: Settings, ground: Ground) -> Settings:
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return settings.model_copy(
        update={
            "database_url": SecretStr(ground.databases.address(_DATABASE)),
            "temporal_address": ground.temporal,
            "openai_base_url": ground.model_url,
            "openai_model": SIMULATED_MODEL,
            "provider_label": SIMULATED,
            "task_queue": "bench-tools",
            "master_keys": SecretStr(f"bench:{key}"),
            "tool_servers_file": Path("no-such-file"),
            "providers_file": Path("no-such-file"),
            "tool_commands": servers.COMMAND,
            "tool_path": str(servers.FOLDER),
            "state_dir": ground.folder / "tools",
        }
    )
