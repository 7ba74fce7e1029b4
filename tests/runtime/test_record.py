"""A record proves that a process is ours before anything is done to it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runtime.local.record import Record, end_leftover


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def noted(folder: Path, pid: int, started: float) -> Record:
    folder.mkdir(exist_ok=True)
    (folder / "one.json").write_text(json.dumps({"pid": pid, "started": started, "stop": int(signal.SIGTERM)}))
    return Record.take(folder, "one")


def test_a_leftover_is_ended(tmp_path: Path, bystander: subprocess.Popen[bytes]) -> None:
    with noted(tmp_path, bystander.pid, psutil.Process(bystander.pid).create_time()) as record:
        assert end_leftover(record, grace_s=5) == bystander.pid
    assert bystander.wait(5) == -signal.SIGTERM


def test_another_process_with_a_used_again_pid_is_left_alone(
    tmp_path: Path, bystander: subprocess.Popen[bytes]
) -> None:
    with noted(tmp_path, bystander.pid, psutil.Process(bystander.pid).create_time() - 100) as record:
        assert end_leftover(record, grace_s=5) is None
    assert bystander.poll() is None


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"pid": "x"}', '{"pid": 4194304, "started": 1, "stop": 15}'])
def test_a_broken_or_old_record_ends_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.json").write_text(text)
    with Record.take(tmp_path, "one") as record:
        assert end_leftover(record, grace_s=5) is None
