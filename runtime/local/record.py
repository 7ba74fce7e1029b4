"""Records of running processes: which pid is ours, proven by its start time.

A record is locked as long as its supervisor lives (the kernel drops the lock with the supervisor), so that a record
without a lock is the leftover of a killed one, and its process may be ended.
"""

import contextlib
import fcntl
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, Self

import psutil

from runtime.local.errors import AlreadyRunningError

# A process's start time is derived from the boot time, which moves a little when the clock is set.
SAME_START_S: Final = 2.0
POLL_S: Final = 0.02


class Record:
    """The record of one named process in a folder; hold it while the process may run."""

    def __init__(self, path: Path, file: IO[str]) -> None:
        self._path = path
        self._file = file

    @classmethod
    def take(cls, folder: Path, name: str) -> Self:
        """Lock the record.

        Raises:
            AlreadyRunningError: Another living supervisor holds it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.json"
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise AlreadyRunningError(name, folder.parent) from None
        return cls(path, file)

    def write(self, pid: int, stop_signal: signal.Signals) -> None:
        """Note the process that runs now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            started = psutil.Process(pid).create_time()
            self._replace(json.dumps({"pid": pid, "started": started, "stop": int(stop_signal)}))

    def clear(self) -> None:
        """Note that none runs."""
        self._replace("")

    def release(self) -> None:
        """Give the record up."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def leftover(self) -> tuple[psutil.Process, signal.Signals] | None:
        """The process of an earlier supervisor that still runs, with the signal it stops by."""
        self._file.seek(0)
        try:
            noted = json.loads(self._file.read())
            process = psutil.Process(int(noted["pid"]))
            if abs(process.create_time() - float(noted["started"])) > SAME_START_S:
                return None
            return process, signal.Signals(noted["stop"])
        except (ValueError, KeyError, TypeError, psutil.Error):
            return None

    def _replace(self, text: str) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(text)
        self._file.flush()


def end_leftover(record: Record, grace_s: float) -> int | None:
    """End the process of an earlier, killed supervisor; answers its pid if there was one."""
    found = record.leftover()
    if found is None:
        return None
    process, stop_signal = found
    for number in (stop_signal, signal.SIGKILL):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        if _gone(process, grace_s):
            break
    return process.pid


def _gone(process: psutil.Process, limit_s: float) -> bool:
    """Wait until it has ended; one that is dead and waits for its parent's notice counts as ended."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(POLL_S)
    return False


def unowned(folder: Path) -> Iterator[tuple[str, Record]]:
    """Every record in the folder whose supervisor is gone, locked by us until the caller goes on."""
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(AlreadyRunningError), Record.take(folder, path.stem) as record:
            yield path.stem, record
