"""Finds or gets the `temporal` command: on PATH, downloaded by the SDK, or built with Go; says what it does."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from temporalio.testing import WorkflowEnvironment

from runtime import clean_exit
from runtime.local.errors import LocalError, TemporalBinaryError
from runtime.local.go_build import built, built_path
from runtime.local.progress import Teller
from runtime.local.signals import run_until_signalled
from runtime.settings import PROJECT_ROOT, Settings, SettingsError, load

PINS: Final = PROJECT_ROOT / "deploy" / "temporal"
VERSION: Final = "v1.5.1"
"""What the SDK downloads; the same as the pin in go.mod."""
DOWNLOAD_LIMIT_S: Final = 300.0

Way = Callable[[Path, Teller], Awaitable[Path | None]]


async def find(cache: Path, teller: Teller) -> Path:
    """The `temporal` command, got by the first way that works.

    Args:
        cache: Where a downloaded or built one is kept.
        teller: Told what is done and how long it may take.

    Raises:
        TemporalBinaryError: No way works; names each and its cure.
    """
    for way in (_on_path, _kept, _downloaded):
        binary = await way(cache, teller)
        if binary is not None:
            return binary
    try:
        return await built(PINS, cache, teller)
    except TemporalBinaryError as failure:
        raise TemporalBinaryError(
            "No Temporal server: TEMPORAL_ADDRESS is not set, `temporal` is not on PATH, "
            f"the SDK could not download it, and it could not be built because {failure}. "
            "Any one of these will do."
        ) from failure


async def _on_path(_cache: Path, _teller: Teller) -> Path | None:
    found = shutil.which("temporal")
    return None if found is None or not await _runs(Path(found)) else Path(found)


async def _kept(cache: Path, _teller: Teller) -> Path | None:
    for binary in (*_downloads(cache), built_path(PINS, cache)):
        if binary.is_file() and await _runs(binary):
            return binary
    return None


async def _downloaded(cache: Path, teller: Teller) -> Path | None:
    folder = _download_folder(cache)
    folder.mkdir(parents=True, exist_ok=True)
    teller.say(f"Downloading the Temporal server {VERSION} (about 100 MB, a minute or so; gives up soon when offline).")
    try:
        async with asyncio.timeout(DOWNLOAD_LIMIT_S), teller.during("Downloading the Temporal server"):
            await _download(folder)
    except (RuntimeError, OSError) as failure:
        teller.say(f"No download: {str(failure).splitlines()[0]}")
        return None
    return next(iter(_downloads(cache)), None)


async def _download(folder: Path) -> None:
    """Let the SDK start a server once, in memory: it keeps what it downloads in the folder."""
    server = await WorkflowEnvironment.start_local(download_dest_dir=str(folder), dev_server_download_version=VERSION)
    await server.shutdown()


def _download_folder(cache: Path) -> Path:
    return cache / "temporal" / f"download-{VERSION}"


def _downloads(cache: Path) -> list[Path]:
    return [path for path in sorted(_download_folder(cache).glob("temporal*")) if os.access(path, os.X_OK)]


async def _runs(binary: Path) -> bool:
    """Whether it is a Temporal command that can start a development server here."""
    return await asyncio.to_thread(_shows_server_version, binary)


def _shows_server_version(binary: Path) -> bool:
    try:
        done = subprocess.run([binary, "--version"], check=False, capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and b"Server" in done.stdout


async def _main(settings: Settings) -> int:
    teller = Teller()
    if settings.temporal_address is not None:
        teller.say(f"Temporal: the server at {settings.temporal_address}")
        return 0
    try:
        teller.say(f"Temporal: {await find(settings.cache_dir, teller)}")
    except LocalError as failure:
        teller.say(str(failure))
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(clean_exit.run(run_until_signalled(_main(load()))))
    except SettingsError as wrong:
        sys.exit(str(wrong))
