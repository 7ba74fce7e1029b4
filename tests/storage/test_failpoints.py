import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import Unavailable
from services.storage import failpoints
from services.storage.failpoints import AFTER, BEFORE, Action, Point, around


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    failpoints.arm(tmp_path)
    yield tmp_path
    failpoints.arm(None)


def arm(folder: Path, side: str, action: str) -> Path:
    file = folder / f"{Point.JOURNAL_END}.{side}"
    file.write_text(action)
    return file


def renamed(folder: Path) -> list[str]:
    """Return which points were reached, by the names that their files had."""
    return [each.stem for each in folder.iterdir()]


async def work(done: list[str]) -> None:
    async with around(Point.JOURNAL_END):
        done.append("done")


async def test_a_process_that_is_not_armed_passes_its_points(tmp_path: Path) -> None:
    arm(tmp_path, BEFORE, Action.KILL.value)
    done: list[str] = []
    await work(done)
    assert done == ["done"]


async def test_a_point_without_a_file_is_passed(folder: Path) -> None:
    (folder / f"{Point.RECORD}.{BEFORE}").write_text("kill")
    done: list[str] = []
    await work(done)
    assert done == ["done"]


@pytest.mark.parametrize(("side", "left"), [(BEFORE, []), (AFTER, ["done"])])
async def test_work_fails_once_before_or_after_it_is_done(folder: Path, side: str, left: list[str]) -> None:
    file = arm(folder, side, "fail\n")
    done: list[str] = []
    with pytest.raises(Unavailable):
        await work(done)
    assert done == left
    await work(done)
    assert done == [*left, "done"]
    assert renamed(folder) == [file.name]


async def test_what_failed_by_itself_has_no_after(folder: Path) -> None:
    file = arm(folder, AFTER, "fail")
    with pytest.raises(ValueError, match="its own"):
        async with around(Point.JOURNAL_END):
            raise ValueError("its own")
    assert file.exists()


async def test_work_hangs_until_it_is_cancelled(folder: Path) -> None:
    file = arm(folder, BEFORE, "hang")
    done: list[str] = []
    hanging = asyncio.create_task(work(done))
    async with asyncio.timeout(5):
        while file.exists():
            await asyncio.sleep(0.01)
    assert not hanging.done()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert done == []


_KILLED = """
import asyncio, pathlib, sys
from services.storage import failpoints
from services.storage.failpoints import Point, around

async def main():
    failpoints.arm(pathlib.Path(sys.argv[1]))
    async with around(Point.JOURNAL_END):
        print("done", flush=True)

asyncio.run(main())
"""


async def test_a_process_is_killed(tmp_path: Path) -> None:
    arm(tmp_path, AFTER, "kill")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _KILLED, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert (told, process.returncode) == (b"done\n", -signal.SIGKILL)
