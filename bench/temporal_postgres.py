"""A Temporal server on PostgreSQL: built from the pins in `deploy/temporal/server`, its schema applied, run as a child.

All of it is the real thing but for one detail: the embedded PostgreSQL has no `btree_gin`, so the visibility schema's
GIN indexes leave their `namespace_id` column out.
"""

import asyncio
import random
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from bench.databases import Databases
from runtime import search_attributes
from runtime.local.errors import LocalError
from runtime.local.go_build import GoProgram, built
from runtime.local.ports import is_taken
from runtime.local.process import ProcessSpec
from runtime.local.progress import Teller
from runtime.local.temporal_server import HOST, is_serving
from runtime.settings import PROJECT_ROOT, child_environment

PINS: Final = PROJECT_ROOT / "deploy" / "temporal" / "server"
MODULE: Final = "go.temporal.io/server"
SERVER: Final = GoProgram(f"{MODULE}/cmd/server", "temporal-server", "the Temporal server for PostgreSQL", "1.26.8")
SQL_TOOL: Final = GoProgram(f"{MODULE}/cmd/tools/sql", "temporal-sql-tool", "its schema tool", "1.26.8")

NAMESPACE: Final = "default"
STORE: Final = "temporal"
VISIBILITY: Final = "temporal_visibility"

_EXTENSION: Final = re.compile(r"DO LANGUAGE 'plpgsql' \$\$.*?btree_gin.*?\$\$;", re.DOTALL)
_GIN_INDEX: Final = re.compile(r"(USING GIN\s*\()namespace_id,\s*", re.IGNORECASE)
_SERVICES: Final = ("FRONTEND", "MATCHING", "HISTORY", "WORKER")
_LOW_PORTS: Final = range(20_000, 32_768)
"""The server keeps its ports in a column of 16 bits with a sign."""


@dataclass(frozen=True)
class Programs:
    """What it takes: the server, its schema tool, and the folder of the schema."""

    server: Path
    sql_tool: Path
    schema: Path


async def get_programs(cache: Path, teller: Teller) -> Programs:
    """Build what is not in the cache yet.

    Raises:
        TemporalBinaryError: Go is missing or too old, or the build failed; says what to do.
    """
    server = await built(PINS, cache, teller, SERVER)
    sql_tool = await built(PINS, cache, teller, SQL_TOOL)
    return Programs(server, sql_tool, await _schema(server.with_name(f"schema-{server.name}")))


async def _schema(kept: Path) -> Path:
    """The module's schema folder, copied beside the binaries: Go's own module cache may be cleaned."""
    if not await asyncio.to_thread(kept.exists):
        await _output("go", "mod", "download", MODULE, cwd=PINS)
        module = await _output("go", "list", "-m", "-f", "{{.Dir}}", MODULE, cwd=PINS)
        await asyncio.to_thread(_keep, Path(module.strip()) / "schema" / "postgresql" / "v12", kept)
    return kept


def _keep(folder: Path, kept: Path) -> None:
    unfinished = kept.with_name(f"{kept.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(folder, unfinished)
    unfinished.rename(kept)


def without_btree_gin(sql: str) -> str:
    """The visibility schema without the extension and the one column of its indexes that needs it."""
    return _GIN_INDEX.sub(r"\1", _EXTENSION.sub("", sql))


class PostgresTemporal:
    """A Temporal server, all services in one process, with its two databases in a PostgreSQL that runs already."""

    def __init__(self, programs: Programs, databases: Databases, state_dir: Path) -> None:
        self._programs = programs
        self._databases = databases
        self._state_dir = state_dir
        self._ports = _free_low_ports(2 * len(_SERVICES))

    @property
    def address(self) -> str:
        """The server's address, as host:port."""
        return f"{HOST}:{self._ports[0]}"

    @property
    def spec(self) -> ProcessSpec:
        """The server as a process for a Supervisor."""
        config = str(PINS / "temporal.yaml")
        return ProcessSpec(
            name="temporal",
            argv=(str(self._programs.server), "--config-file", config, "--allow-no-auth", "start"),
            env=child_environment(self._variables()),
            cwd=self._state_dir,
            ready=self._ready,
        )

    async def make_databases(self) -> None:
        """Make both databases and bring them to the server's schema."""
        await self._databases.create(STORE, VISIBILITY)
        await self._update(STORE, self._programs.schema / "temporal" / "versioned")
        reduced = self._state_dir / "visibility"
        shutil.copytree(self._programs.schema / "visibility" / "versioned", reduced)
        for file in reduced.rglob("*.sql"):
            file.write_text(without_btree_gin(file.read_text()))
        await self._update(VISIBILITY, reduced)

    async def _update(self, database: str, folder: Path) -> None:
        base = (str(self._programs.sql_tool), "--plugin", "postgres12_pgx", "--endpoint", "localhost", "--port", "5432")
        own = ("--user", self._databases.user, "--database", database)
        socket = ("--connect-attributes", f"host={self._databases.sockets}")
        await _output(*base, *own, *socket, "setup-schema", "--version", "0.0", cwd=self._state_dir)
        await _output(*base, *own, *socket, "update-schema", "--schema-dir", str(folder), cwd=self._state_dir)

    async def _ready(self) -> bool:
        """Whether it serves; registers the namespace and our search attributes when it is new."""
        try:
            async with asyncio.timeout(10):
                client = await Client.connect(self.address)
                await _register(client)
                await search_attributes.ensure(client)
        except (RPCError, RuntimeError, TimeoutError):
            return False
        return await is_serving(self.address, NAMESPACE)

    def _variables(self) -> dict[str, str]:
        names = [f"BENCH_{service}_{kind}" for kind in ("PORT", "MEMBERSHIP_PORT") for service in _SERVICES]
        ports = dict(zip(names, map(str, self._ports), strict=True))
        return ports | {
            "BENCH_TEMPORAL_DATABASE": STORE,
            "BENCH_TEMPORAL_VISIBILITY_DATABASE": VISIBILITY,
            "BENCH_POSTGRES_USER": self._databases.user,
            "BENCH_POSTGRES_SOCKETS": self._databases.sockets,
            "BENCH_DYNAMIC_CONFIG": str(PINS / "dynamic.yaml"),
        }


def _free_low_ports(count: int) -> tuple[int, ...]:
    """Ports that were free a moment ago."""
    tried = random.sample(_LOW_PORTS, len(_LOW_PORTS))
    free = (port for port in tried if not is_taken(port))
    return tuple(next(free) for _ in range(count))


async def _register(client: Client) -> None:
    request = RegisterNamespaceRequest(namespace=NAMESPACE)
    request.workflow_execution_retention_period.FromTimedelta(timedelta(days=1))
    try:
        await client.workflow_service.register_namespace(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


async def _output(*command: str, cwd: Path) -> str:
    """Run a command to its end.

    Raises:
        LocalError: It failed; carries what it printed.
    """
    done = await asyncio.to_thread(subprocess.run, command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LocalError(f"{Path(command[0]).name} failed:\n{(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout
