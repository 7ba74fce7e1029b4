"""The ways to a Temporal server, in their order, each with its cure when it does not work."""

import asyncio
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from runtime.local import temporal_binary
from runtime.local.errors import TemporalBinaryError
from runtime.local.file_lock import file_lock
from runtime.local.go_build import built, built_path
from runtime.local.progress import Teller
from runtime.local.temporal_binary import PINS, find

FAKE = "#!/bin/sh\necho 'temporal version 9 (Server 9, UI 9)'\n"


@pytest.fixture
def teller() -> Teller:
    return Teller(Console(record=True, quiet=False, width=200, force_terminal=False, stderr=True))


def program(path: Path, text: str = FAKE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with the shell's tools and whatever the test puts in this folder; no network, no Go."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cp", "mkdir", "sleep"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))

    async def offline(_folder: Path) -> None:
        raise RuntimeError("failed to download\nmore")

    monkeypatch.setattr(temporal_binary, "_download", offline)
    return folder


async def test_the_one_on_the_path_comes_first(tools: Path, tmp_path: Path, teller: Teller) -> None:
    program(built_path(PINS, tmp_path))
    on_path = program(tools / "temporal")
    assert await find(tmp_path, teller) == on_path


async def test_something_else_called_temporal_is_passed_over(tools: Path, tmp_path: Path, teller: Teller) -> None:
    program(tools / "temporal", "#!/bin/sh\nexit 3\n")
    kept = program(built_path(PINS, tmp_path))
    assert await find(tmp_path, teller) == kept


@pytest.mark.usefixtures("tools")
async def test_an_earlier_download_is_used_before_an_earlier_build(tmp_path: Path, teller: Teller) -> None:
    program(built_path(PINS, tmp_path))
    downloaded = program(tmp_path / "temporal" / f"download-{temporal_binary.VERSION}" / "temporal-x")
    assert await find(tmp_path, teller) == downloaded


@pytest.mark.usefixtures("tools")
async def test_the_download_is_kept(tmp_path: Path, teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    async def download(folder: Path) -> None:
        program(folder / "temporal-sdk-x")

    monkeypatch.setattr(temporal_binary, "_download", download)
    first = await find(tmp_path, teller)
    assert first == await find(tmp_path, teller)
    assert first.name == "temporal-sdk-x"
    assert teller.console.export_text().count("Downloading") == 1


@pytest.mark.usefixtures("tools")
async def test_without_any_way_each_cure_is_named(tmp_path: Path, teller: Teller) -> None:
    with pytest.raises(TemporalBinaryError) as failure:
        await find(tmp_path, teller)
    for cure in ("TEMPORAL_ADDRESS", "PATH", "download", "install Go 1.25"):
        assert cure in str(failure.value)
    assert "No download: failed to download" in teller.console.export_text()


async def test_offline_it_is_built_with_go_once(tools: Path, tmp_path: Path, teller: Teller) -> None:
    model = program(tmp_path / "model")
    program(tools / "go", f'#!/bin/sh\necho run >> {tmp_path}/runs\ncp {model} "$4"\n')
    first, second = await asyncio.gather(find(tmp_path, teller), find(tmp_path, teller))
    assert first == second == built_path(PINS, tmp_path)
    assert (tmp_path / "runs").read_text() == "run\n"
    told = teller.console.export_text()
    assert "Building the Temporal server with Go, once: 2 to 5 minutes" in told
    assert "Another set-up builds the Temporal server" in told


@pytest.mark.parametrize(
    ("output", "meaning"),
    [
        ("go: go.mod requires go >= 1.25.0 (running go 1.22; GOTOOLCHAIN=local)", "too old: install Go 1.25"),
        ("go.mod:3: invalid go version '1.25.0': must match format 1.23", "too old: install Go 1.25"),
        ("disk full", "the Go build failed:\ndisk full"),
    ],
)
async def test_a_failed_build_says_why_and_leaves_nothing(
    tools: Path, tmp_path: Path, teller: Teller, output: str, meaning: str
) -> None:
    program(tools / "go", f'#!/bin/sh\necho half > "$4"\necho "{output}" >&2\nexit 1\n')
    with pytest.raises(TemporalBinaryError) as failure:
        await built(PINS, tmp_path, teller)
    assert meaning in str(failure.value)
    assert [path.name for path in (tmp_path / "temporal").iterdir()] == ["build.lock"]


async def test_a_cancelled_build_ends_the_compiler(tools: Path, tmp_path: Path, teller: Teller) -> None:
    program(tools / "go", f'#!/bin/sh\necho half > "$4"\necho > {tmp_path}/started\nsleep 30\n')
    build = asyncio.create_task(built(PINS, tmp_path, teller))
    async with asyncio.timeout(10):
        while not (tmp_path / "started").exists():
            await asyncio.sleep(0.02)
    build.cancel()
    with pytest.raises(asyncio.CancelledError):
        await build
    assert [path.name for path in (tmp_path / "temporal").iterdir()] == ["build.lock"]


def test_other_pins_make_another_binary(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module x\n")
    (tmp_path / "go.sum").write_text("")
    before = built_path(tmp_path, tmp_path)
    (tmp_path / "go.sum").write_text("a\n")
    assert built_path(tmp_path, tmp_path) != before


async def test_a_lock_waits_for_its_holder_and_says_so_once(tmp_path: Path) -> None:
    waits: list[str] = []
    async with file_lock(tmp_path / "lock", lambda: waits.append("first")):
        second = asyncio.create_task(_hold(tmp_path / "lock", waits))
        async with asyncio.timeout(5):
            while not waits:
                await asyncio.sleep(0.02)
        assert not second.done()
    await second
    assert waits == ["second"]


async def _hold(path: Path, waits: list[str]) -> None:
    async with file_lock(path, lambda: waits.append("second")):
        pass
