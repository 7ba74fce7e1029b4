"""One child process: what it is, how to start it, when it is ready, how it ends."""

import asyncio
import contextlib
import os
import pwd
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from runtime.local.errors import ProcessFailedError
from runtime.local.ports import PortNeed, require_free

POLL_S: Final = 0.05
LOG_LIMIT_BYTES: Final = 10 * 1024 * 1024
TAIL_LINES: Final = 20


async def _at_once() -> bool:
    return True


async def _nothing() -> None:
    return None


@dataclass(frozen=True)
class ProcessSpec:
    """A process that can be started any number of times."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] | None = None
    """The whole environment; None passes ours on."""
    cwd: Path | None = None
    ports: tuple[PortNeed, ...] = ()
    prepare: Callable[[], Awaitable[None]] = _nothing
    """Runs before each start."""
    ready: Callable[[], Awaitable[bool]] = _at_once
    """Asked until it says yes; one try should take a second or two at most."""
    ready_timeout_s: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0
    """From the stop signal to SIGKILL."""
    user: str | None = None
    """The system user to run as, when we are root and it may not be."""


@dataclass
class ChildProcess:
    """A started process, in a process group of its own, with its output in a log file."""

    spec: ProcessSpec
    log: Path
    handle: asyncio.subprocess.Process
    started: float = field(default_factory=time.monotonic)

    @classmethod
    async def start(cls, spec: ProcessSpec, log: Path) -> Self:
        """Start the process without waiting for it to be ready.

        Raises:
            PortTakenError: Somebody else listens on one of its ports.
        """
        await spec.prepare()
        for need in spec.ports:
            require_free(spec.name, need)
        _make_room(log)
        with log.open("ab") as output:
            handle = await asyncio.create_subprocess_exec(
                *spec.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=spec.env,
                cwd=spec.cwd,
                start_new_session=True,
                user=spec.user,
                group=None if spec.user is None else pwd.getpwnam(spec.user).pw_gid,
                extra_groups=None if spec.user is None else (),
            )
        return cls(spec, log, handle)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.handle.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.handle.returncode is None

    async def wait_ready(self) -> None:
        """Wait until it is ready.

        Raises:
            ProcessFailedError: It ended before, or took longer than its limit.
        """
        limit = self.spec.ready_timeout_s
        try:
            async with asyncio.timeout(limit):
                while self.running:
                    if await self.spec.ready():
                        return
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise self._failed(f"was not ready within {limit:.0f} s") from None
        raise self._failed(f"ended with {describe(self.handle.returncode)} before it was ready")

    async def end(self) -> None:
        """Ask it to stop; kill it, and what it started in its group, when it does not within its grace time."""
        self.send(self.spec.stop_signal)
        try:
            async with asyncio.timeout(self.spec.grace_s):
                await self.handle.wait()
        except TimeoutError:
            self._kill_group()
            await self.handle.wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self.handle.send_signal(number)

    def _kill_group(self) -> None:
        # While its leader is alive the group is certainly the one we made.
        if self.running:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _failed(self, what: str) -> ProcessFailedError:
        return ProcessFailedError(self.spec.name, what, self.log, tail(self.log))


def describe(code: int | None) -> str:
    """An exit code for people: `exit code 1` or `signal SIGKILL`."""
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log file."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64 * 1024))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def _make_room(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
