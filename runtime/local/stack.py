"""What `make run` runs: database, Temporal, simulated model and tools where none are at hand, and our server."""

import asyncio
import contextlib
import json
import sys
from typing import Final, Self

from alembic.util.exc import CommandError
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client

from domain.errors import Unavailable
from runtime import search_attributes
from runtime.local import programs, temporal_binary
from runtime.local.admin_key import NAME, admin_key
from runtime.local.atlassian import simulated_servers
from runtime.local.errors import LocalError
from runtime.local.postgres import EmbeddedPostgres
from runtime.local.progress import Teller
from runtime.local.provider import Provider, choose
from runtime.local.supervisor import Supervisor
from runtime.local.temporal_server import DevServer, Ports
from runtime.local.tool_reading import tools_read
from runtime.settings import PROJECT_ROOT, Settings, child_environment
from services.storage.migrate import migrate

CONNECT_LIMIT_S: Final = 10.0


class Stack:
    """All processes of one machine. `async with Stack(settings, teller) as stack:` serves; leaving it ends them."""

    def __init__(self, settings: Settings, teller: Teller) -> None:
        self._settings = settings
        self._teller = teller
        self._variables: dict[str, str] = {}
        self._web = ""
        self._key, self._key_is_new = admin_key(settings)
        self._variables["LONGHAUL_ADMIN_KEY"] = self._key
        self.supervisor = Supervisor(settings.state_dir, teller.say)
        self.provider: Provider | None = None

    async def __aenter__(self) -> Self:
        """Start everything and wait until the API is ready."""
        await self.supervisor.__aenter__()
        try:
            await self._database()
            await self._temporal()
            await self._provider()
            await self._tools()
            await self._server()
        except BaseException:
            await self.supervisor.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.supervisor.close()

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        return programs.api_url(self._settings.api_host, self._settings.api_port)

    def show_addresses(self) -> None:
        """Tell where everything is, and once, which key opens it."""
        table = Table.grid(padding=(0, 2))
        table.add_row("API", f"{self.api_url}/docs")
        table.add_row("Temporal", f"{self._variables['TEMPORAL_ADDRESS']} {self._web}")
        table.add_row("Provider", str(self.provider))
        table.add_row("Logs", str(self._settings.state_dir / "logs"))
        self._teller.console.print(table)
        self._show_key()

    def _show_key(self) -> None:
        if self._settings.admin_key is not None:
            self._teller.say("Admin key: the one in LONGHAUL_ADMIN_KEY")
            return
        file = self._settings.state_dir / NAME
        if self._key_is_new:
            self._teller.say(f"Admin key, shown this once and kept in {file}: {self._key}")
        self._teller.say(f'For commands: export LONGHAUL_API_KEY="$(cat {file})"')

    async def first_request(self, message: str | None) -> int:
        """Send a first request and show it in this terminal; answers the command's exit code."""
        arguments = [] if message is None else ["--message", message]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli",
            "first-request",
            *arguments,
            cwd=PROJECT_ROOT,
            env=child_environment({**self._variables, "LONGHAUL_API_URL": self.api_url, "LONGHAUL_API_KEY": self._key}),
        )
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()

    async def _database(self) -> None:
        url = self._settings.database_url
        if url is None:
            self._teller.say("Database: starting the embedded PostgreSQL")
            embedded = EmbeddedPostgres(self._settings.state_dir, self._teller.say)
            await self.supervisor.start(embedded.spec)
            address = embedded.address
        else:
            self._teller.say("Database: the one DATABASE_URL names")
            address = url.get_secret_value()
        self._variables["DATABASE_URL"] = address
        try:
            await migrate(address)
        except (Unavailable, SQLAlchemyError, CommandError) as failure:
            raise LocalError(f"the database could not be brought up to date: {failure}") from failure

    async def _temporal(self) -> None:
        address = self._settings.temporal_address
        if address is None:
            address = await self._dev_server()
        else:
            self._teller.say(f"Temporal: the server at {address}")
            await self._teach(address)
        self._variables["TEMPORAL_ADDRESS"] = address
        self._variables["TEMPORAL_NAMESPACE"] = self._settings.temporal_namespace

    async def _dev_server(self) -> str:
        settings = self._settings
        binary = await temporal_binary.find(settings.cache_dir, self._teller)
        self._teller.say(f"Temporal: starting {binary.name}")
        ports = Ports(settings.temporal_port, settings.temporal_ui_port)
        dev = DevServer(settings.state_dir, binary, ports, settings.temporal_namespace)
        await self.supervisor.start(dev.spec)
        self._web = f"(web page: {dev.ui_url})"
        return dev.address

    async def _teach(self, address: str) -> None:
        """Register our search attributes on a server that is not ours."""
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                client = await Client.connect(address, namespace=self._settings.temporal_namespace)
        except (RuntimeError, TimeoutError) as failure:
            raise LocalError(f"no Temporal server answers at TEMPORAL_ADDRESS={address}: {failure}") from failure
        if self._settings.search_attributes and not await search_attributes.ensure(client):
            self._teller.say("Temporal: no right to register search attributes here; going on without them.")
            self._variables["LONGHAUL_SEARCH_ATTRIBUTES"] = "off"

    async def _provider(self) -> None:
        self.provider = await choose(self._settings)
        self._teller.say(f"Models: {self.provider}")
        if self.provider.simulated:
            log = self._settings.state_dir / "logs" / "model-calls.jsonl"
            await self.supervisor.start(programs.simulator(self._settings.simulator_port, log))
        self._variables |= self.provider.variables

    async def _tools(self) -> None:
        """Take the file of tool servers, if there is one; else play Jira and Confluence, and say so plainly."""
        settings = self._settings
        if settings.tool_servers_file.exists():
            self._teller.say(f"Tools: the servers in {settings.tool_servers_file.name}")
            return
        self._teller.say("Tools: mcp-atlassian on a SIMULATED Jira and Confluence (project and space DEMO)")
        log = settings.state_dir / "logs" / "atlassian-writes.jsonl"
        await self.supervisor.start(programs.atlassian_simulator(settings.atlassian_port, log))
        file = settings.state_dir / "simulated-tools.json"
        file.write_text(json.dumps(simulated_servers(settings.atlassian_port), indent=2))
        self._variables["LONGHAUL_TOOL_SERVERS_FILE"] = str(file)

    async def _server(self) -> None:
        self._teller.say("Longhaul: starting API and worker")
        settings = self._settings
        await self.supervisor.start(programs.server(settings.api_host, settings.api_port, self._variables))
        self._teller.say(f"Tools: {await tools_read(self.api_url, self._key)}")
