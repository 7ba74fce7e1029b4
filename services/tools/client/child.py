"""A child process in a process group of its own, with pipes; it ends with the block that started it."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple, cast

from domain.errors import ToolUnavailable

STDERR_KEPT = 8192
"""Bytes of the last things said on stderr: twice what is told, lest half a secret escape its mask."""
GRACE_S = 2.0
"""How long a process may take to end after its stdin is closed, and again after SIGTERM."""

_POLL_S = 0.02
_END_S = 0.5
_CHUNK = 64 * 1024


class Launch(NamedTuple):
    """What is started: absolute path and arguments, and the whole environment."""

    argv: tuple[str, ...]
    environment: dict[str, str]


class Child:
    """A running process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._stderr = bytearray()
        self._all_said = asyncio.Event()
        assert process.stdin and process.stdout  # noqa: S101, PT018 - it was started with pipes
        self.stdin = process.stdin
        self.stdout = process.stdout

    @property
    def alive(self) -> bool:
        """Whether it has not ended, as far as is known."""
        return self._process.returncode is None and not self.stdin.is_closing()

    @property
    def said(self) -> str:
        """The end of what it said on stderr."""
        return self._stderr.decode(errors="replace")

    async def ended(self) -> int | None:
        """Wait a little for the process to end and to have said all, and return its exit code; None: it goes on."""
        await self._gone(_END_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await self._all_said.wait()
        return self._process.returncode

    async def listen(self) -> None:
        """Read stderr to its end; only the last of it is kept."""
        assert self._process.stderr  # noqa: S101 - it was started with pipes
        while chunk := await self._process.stderr.read(_CHUNK):
            self._stderr += chunk
            del self._stderr[:-STDERR_KEPT]
        self._all_said.set()

    async def stop(self) -> None:
        """Ask it to end by closing its stdin, then with SIGTERM; kill what is left of its group in any case."""
        try:
            with contextlib.suppress(OSError):
                self.stdin.close()
            if not await self._gone(GRACE_S):
                self._signal(signal.SIGTERM)
                await self._gone(GRACE_S)
        finally:
            self._signal(signal.SIGKILL)
            # A process that left the group may hold a pipe: closing ours is the only way not to wait for it.
            cast("asyncio.SubprocessTransport", self._process._transport).close()  # type: ignore[attr-defined]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no public way
            await self._gone(GRACE_S)

    async def _gone(self, limit_s: float) -> bool:
        """Whether it ends within a time; `wait()` would wait for its pipes as well, which others may hold."""
        clock = asyncio.get_running_loop().time
        end = clock() + limit_s
        while self._process.returncode is None and clock() < end:
            await asyncio.sleep(_POLL_S)
        return self._process.returncode is not None

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


@asynccontextmanager
async def running(launch: Launch) -> AsyncIterator[Child]:
    """Run a process for the length of a block.

    Raises:
        ToolUnavailable: It cannot be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *launch.argv,
            env=launch.environment,
            cwd=launch.environment.get("HOME"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ToolUnavailable(f"the server's command cannot be started ({type(error).__name__})") from None
    child = Child(process)
    try:
        yield child
    finally:
        await child.stop()
