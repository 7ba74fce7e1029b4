"""The supervisor: starts named processes in order, restarts the ones that crash, and ends them all when it ends."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from runtime.local.errors import LocalError
from runtime.local.process import ChildProcess, ProcessSpec, describe
from runtime.local.record import Record, end_leftover, unowned

Report = Callable[[str], None]


def silent(_text: str) -> None:
    """Reports nothing."""


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a crashed process starts again; doubles with each crash in a row."""

    first_s: float = 0.5
    longest_s: float = 30.0
    forget_after_s: float = 60.0

    def wait_s(self, crashes: int) -> float:
        """The wait after so many crashes in a row (1 or more), in seconds."""
        return min(self.longest_s, self.first_s * 2.0 ** (crashes - 1))


@dataclass
class _Child:
    spec: ProcessSpec
    record: Record
    process: ChildProcess | None = None
    watcher: asyncio.Task[None] | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    crashes: int = 0


class Supervisor:
    """Owns child processes. Use it with `async with`: leaving the block ends every process it started.

    Args:
        state_dir: Logs go to `logs/<name>.log` in it, records of running processes to `run/`.
        report: Told, in a line of text, of everything worth knowing: crashes, restarts, leftovers.
        backoff: How fast crashed processes are started again.
    """

    def __init__(self, state_dir: Path, report: Report = silent, backoff: Backoff | None = None) -> None:
        self._state_dir = state_dir.absolute()
        self._report = report
        self._backoff = backoff or Backoff()
        self._children: dict[str, _Child] = {}

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(end_leftovers, self._state_dir, self._report)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self, process: ProcessSpec | str) -> None:
        """Start a process, or by its name one that was stopped, and wait until it is ready.

        Raises:
            ProcessFailedError: It did not become ready.
            PortTakenError: Somebody listens on its port.
            AlreadyRunningError: Another supervisor runs it in this state folder.
        """
        child = self._child(process)
        if child.watcher is not None:
            raise LocalError(f"{child.spec.name} is already started")
        try:
            await self._launch(child)
        except BaseException:
            await self._end(child)
            raise
        child.watcher = asyncio.create_task(self._watch(child), name=f"watch-{child.spec.name}")

    async def stop(self, name: str) -> None:
        """End a process and leave it ended until `start(name)`."""
        child = self._children[name]
        if child.watcher is not None:
            child.watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await child.watcher
            child.watcher = None
        await self._end(child)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a process a signal as a crash would; it is started again."""
        child = self._children[name]
        child.ready.clear()
        if child.process is not None:
            child.process.send(number)

    async def wait_ready(self, name: str) -> None:
        """Wait until a process is ready, for instance again after `kill`."""
        await self._children[name].ready.wait()

    def pid(self, name: str) -> int | None:
        """The id of the running process, None when it does not run."""
        process = self._children[name].process
        return process.pid if process is not None and process.running else None

    def log(self, name: str) -> Path:
        """Where the output of a process goes."""
        return self._state_dir / "logs" / f"{name}.log"

    async def close(self) -> None:
        """End every process, the last started first."""
        for name in reversed(list(self._children)):
            await self.stop(name)
            self._children.pop(name).record.release()

    def _child(self, process: ProcessSpec | str) -> _Child:
        if isinstance(process, str):
            return self._children[process]
        if process.name in self._children:
            raise LocalError(f"{process.name} is already known; start it by its name")
        record = Record.take(self._state_dir / "run", process.name)
        return self._children.setdefault(process.name, _Child(process, record))

    async def _launch(self, child: _Child) -> None:
        child.process = await ChildProcess.start(child.spec, self.log(child.spec.name))
        child.record.write(child.process.pid, child.spec.stop_signal)
        await child.process.wait_ready()
        child.ready.set()

    async def _end(self, child: _Child) -> None:
        child.ready.clear()
        if child.process is not None and child.process.running:
            await child.process.end()
        child.record.clear()

    async def _watch(self, child: _Child) -> None:
        """Restart the process each time it ends, for as long as it is wanted."""
        while True:
            if child.process is not None:
                what = describe(await child.process.handle.wait())
                up_s = time.monotonic() - child.process.started
                child.crashes = 1 if up_s > self._backoff.forget_after_s else child.crashes + 1
                child.ready.clear()
            else:
                what, child.crashes = "an error", child.crashes + 1
            wait_s = self._backoff.wait_s(child.crashes)
            name = child.spec.name
            self._report(f"{name} ended with {what}; starting it again in {wait_s:.1f} s (log: {self.log(name)})")
            await asyncio.sleep(wait_s)
            await self._relaunch(child)

    async def _relaunch(self, child: _Child) -> None:
        child.process = None
        try:
            await self._launch(child)
        except (LocalError, OSError) as failure:
            self._report(str(failure))
            await self._end(child)
        else:
            self._report(f"{child.spec.name} is up again")


def end_leftovers(state_dir: Path, report: Report = silent) -> None:
    """End the processes that a killed supervisor left behind in its state folder."""
    for name, record in unowned(state_dir / "run"):
        pid = end_leftover(record, grace_s=10.0)
        if pid is not None:
            report(f"ended {name} (pid {pid}), left over from an earlier run")
        record.clear()
