"""Builds a Go program pinned in a go.mod of ours, once, into the cache folder: by default the Temporal command.

The built file is named by a hash of the pins, made under another name and renamed: a name that exists is whole.
"""

import asyncio
import contextlib
import hashlib
import os
import platform
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime.local.errors import TemporalBinaryError
from runtime.local.file_lock import file_lock
from runtime.local.progress import Teller

_TOO_OLD: Final = ("requires go >=", "invalid go version", "unknown directive: tool")


@dataclass(frozen=True)
class GoProgram:
    """A program among the tools that a go.mod pins.

    Attributes:
        package: What Go builds.
        name: What the binary is called in the cache.
        title: What it is to a person who waits for it.
        go_needed: The oldest Go that builds it.
    """

    package: str
    name: str
    title: str
    go_needed: str


COMMAND: Final = GoProgram("github.com/temporalio/cli/cmd/temporal", "temporal", "the Temporal server", "1.25")


def built_path(pins: Path, cache: Path, program: GoProgram = COMMAND) -> Path:
    """Where the binary of these pins is, or will be.

    Args:
        pins: The folder with go.mod and go.sum.
        cache: The cache folder.
        program: Which of the pinned tools.
    """
    content = b"".join((pins / name).read_bytes() for name in ("go.mod", "go.sum"))
    key = hashlib.sha256(content).hexdigest()[:16]
    return cache / "temporal" / f"{program.name}-{key}-{platform.system().lower()}-{platform.machine().lower()}"


async def built(pins: Path, cache: Path, teller: Teller, program: GoProgram = COMMAND) -> Path:
    """The binary, built unless an earlier build left it.

    Raises:
        TemporalBinaryError: Go is missing, too old, or the build failed; says what to do.
    """
    binary = built_path(pins, cache, program)
    if binary.exists():
        return binary
    go = shutil.which("go")
    if go is None:
        raise TemporalBinaryError(f"Go is not installed: install Go {program.go_needed} or later")
    lock = binary.with_name("build.lock")
    async with file_lock(lock, lambda: teller.say(f"Another set-up builds {program.title}; waiting for it.")):
        if not binary.exists():
            await _build(go, pins, binary, teller, program)
    return binary


async def _build(go: str, pins: Path, binary: Path, teller: Teller, program: GoProgram) -> None:
    teller.say(
        f"Building {program.title} with Go, once: 2 to 5 minutes, up to 2 GB of memory, "
        "and a download of some 100 MB the first time."
    )
    unfinished = binary.with_name(f"{binary.name}.{os.getpid()}")
    try:
        async with teller.during(f"Building {program.title}"):
            await _go_build(go, pins, unfinished, program)
        unfinished.rename(binary)
    finally:
        unfinished.unlink(missing_ok=True)
    teller.say(f"Built {binary}")


async def _go_build(go: str, pins: Path, output: Path, program: GoProgram) -> None:
    process = await asyncio.create_subprocess_exec(
        go,
        "build",
        "-buildvcs=false",
        "-o",
        str(output),
        program.package,
        cwd=pins,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        text, _ = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    if process.returncode != 0:
        raise TemporalBinaryError(_explain(text.decode(errors="replace"), program))


def _explain(output: str, program: GoProgram) -> str:
    if any(mark in output for mark in _TOO_OLD):
        return (
            f"the installed Go is too old: install Go {program.go_needed} or later ({output.strip().splitlines()[-1]})"
        )
    return "the Go build failed:\n" + "\n".join(output.strip().splitlines()[-15:])
