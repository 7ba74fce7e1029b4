"""Folders and stand-in processes for the tests of the supervisor."""

import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.local import ProcessSpec

_numbers = itertools.count(1)


@pytest.fixture
def own_dir(state_dir: Path) -> Path:
    """A state folder for one test, with a short name."""
    folder = state_dir / f"t{next(_numbers)}"
    folder.mkdir()
    return folder


@pytest.fixture
def python_process(own_dir: Path) -> Callable[[str, str], ProcessSpec]:
    """Makes a process that runs Python text; it is ready when it has touched `<name>.up` in the folder it runs in."""

    def make(name: str, text: str) -> ProcessSpec:
        up = own_dir / f"{name}.up"

        async def forget() -> None:
            up.unlink(missing_ok=True)

        async def is_up() -> bool:
            return up.exists()

        text = f"import pathlib, signal, sys, time\n{text}"
        return ProcessSpec(
            name, (sys.executable, "-c", text), cwd=own_dir, prepare=forget, ready=is_up, ready_timeout_s=10, grace_s=1
        )

    return make
