"""The supervisor restarts what crashes, ends what it started, and says what is in the way."""

import asyncio
import dataclasses
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from runtime.local import Backoff, PortTakenError, ProcessFailedError, ProcessSpec, Supervisor
from runtime.local.errors import AlreadyRunningError, LocalError
from runtime.local.ports import PortNeed
from runtime.settings import PROJECT_ROOT

Make = Callable[[str, str], ProcessSpec]
FAST = Backoff(first_s=0.05, longest_s=0.2)
SERVE = "pathlib.Path('{0}.up').touch()\ntime.sleep(60)"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVE


def serving(make: Make, name: str, text: str = SERVE) -> ProcessSpec:
    return make(name, text.format(name))


async def test_leaving_the_block_ends_every_process(own_dir: Path, python_process: Make) -> None:
    async with Supervisor(own_dir) as supervisor:
        await supervisor.start(serving(python_process, "one"))
        await supervisor.start(serving(python_process, "two"))
        pids = [supervisor.pid("one"), supervisor.pid("two")]
        assert all(pid is not None and psutil.pid_exists(pid) for pid in pids)
    assert not any(pid is not None and psutil.pid_exists(pid) for pid in pids)


async def test_a_failure_in_the_block_ends_every_process(own_dir: Path, python_process: Make) -> None:
    supervisor = Supervisor(own_dir)

    async def fail() -> None:
        async with supervisor:
            await supervisor.start(serving(python_process, "one"))
            pids.append(supervisor.pid("one"))
            raise ZeroDivisionError

    pids: list[int | None] = []
    with pytest.raises(ZeroDivisionError):
        await fail()
    assert not any(pid is None or psutil.pid_exists(pid) for pid in pids)
    assert len(pids) == 1


async def test_a_crash_is_reported_and_restarted(own_dir: Path, python_process: Make) -> None:
    told: list[str] = []
    async with Supervisor(own_dir, told.append, FAST) as supervisor:
        await supervisor.start(serving(python_process, "one"))
        before = supervisor.pid("one")
        supervisor.kill("one")
        await supervisor.wait_ready("one")
        assert supervisor.pid("one") not in {None, before}
    assert told[0].startswith("one ended with signal SIGKILL; starting it again in ")
    assert told[1] == "one is up again"


async def test_a_process_that_keeps_crashing_is_tried_ever_more_slowly(own_dir: Path, python_process: Make) -> None:
    told: list[str] = []
    once = "import os\nif pathlib.Path('ran').exists(): sys.exit(3)\npathlib.Path('ran').touch()\n" + SERVE
    async with Supervisor(own_dir, told.append, FAST) as supervisor:
        await supervisor.start(serving(python_process, "one", once))
        supervisor.kill("one")
        async with asyncio.timeout(10):
            while sum("ended with exit code 3;" in line for line in told) < 2:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize(("crashes", "wait_s"), [(1, 0.5), (2, 1.0), (3, 2.0), (10, 30.0)])
def test_backoff_doubles_up_to_its_limit(crashes: int, wait_s: float) -> None:
    assert Backoff().wait_s(crashes) == wait_s


async def test_a_stopped_process_stays_stopped_until_started(own_dir: Path, python_process: Make) -> None:
    async with Supervisor(own_dir, backoff=FAST) as supervisor:
        await supervisor.start(serving(python_process, "one"))
        await supervisor.stop("one")
        await asyncio.sleep(0.3)  # several back-offs: long enough for a wrong restart to show
        assert supervisor.pid("one") is None
        await supervisor.start("one")
        assert supervisor.pid("one") is not None


async def test_a_process_deaf_to_sigterm_is_killed_after_its_grace_time(own_dir: Path, python_process: Make) -> None:
    async with Supervisor(own_dir) as supervisor:
        await supervisor.start(serving(python_process, "deaf", STUBBORN))
        pid = supervisor.pid("deaf")
        started = time.monotonic()
        await supervisor.stop("deaf")
    assert 1 <= time.monotonic() - started < 5
    assert pid is not None
    assert not psutil.pid_exists(pid)


async def test_a_process_that_fails_to_start_shows_its_log(own_dir: Path, python_process: Make) -> None:
    async with Supervisor(own_dir) as supervisor:
        with pytest.raises(ProcessFailedError, match=r"(?s)broken ended with exit code 7 .*the reason"):
            await supervisor.start(python_process("broken", "print('the reason', flush=True); sys.exit(7)"))


async def test_a_process_that_never_gets_ready_is_ended(own_dir: Path, python_process: Make) -> None:
    spec = dataclasses.replace(python_process("slow", "time.sleep(60)"), ready_timeout_s=0.5)
    async with Supervisor(own_dir) as supervisor:
        with pytest.raises(ProcessFailedError, match="slow was not ready within 0 s"):
            await supervisor.start(spec)
        assert supervisor.pid("slow") is None


async def test_a_taken_port_is_named_with_its_holder_and_its_setting(own_dir: Path, python_process: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port: int = holder.getsockname()[1]
        need = PortNeed(port, "LONGHAUL_API_PORT")
        spec = dataclasses.replace(serving(python_process, "api"), ports=(need,))
        async with Supervisor(own_dir) as supervisor:
            with pytest.raises(PortTakenError, match=f"(?s)api needs port {port}.*pid.*set LONGHAUL_API_PORT"):
                await supervisor.start(spec)


async def test_two_supervisors_do_not_share_a_state_folder(own_dir: Path, python_process: Make) -> None:
    spec = serving(python_process, "one")
    async with Supervisor(own_dir) as first, Supervisor(own_dir) as second:
        await first.start(spec)
        with pytest.raises(AlreadyRunningError, match="LONGHAUL_STATE_DIR"):
            await second.start(spec)
        assert first.pid("one") is not None


async def test_a_name_is_started_once(own_dir: Path, python_process: Make) -> None:
    async with Supervisor(own_dir) as supervisor:
        await supervisor.start(serving(python_process, "one"))
        with pytest.raises(LocalError, match="already started"):
            await supervisor.start("one")


SUPERVISOR = """
import asyncio, pathlib, sys
from runtime.local import ProcessSpec, Supervisor
from runtime.local.signals import run_until_signalled

async def main():
    folder = pathlib.Path(sys.argv[1])
    async with Supervisor(folder) as supervisor:
        for name in ("one", "two"):
            await supervisor.start(ProcessSpec(name, (sys.executable, "-c", "import time; time.sleep(60)")))
        print(supervisor.pid("one"), supervisor.pid("two"), flush=True)
        await asyncio.Event().wait()

sys.exit(asyncio.run(run_until_signalled(main())))
"""


async def _supervising(folder: Path) -> tuple[asyncio.subprocess.Process, list[int]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUPERVISOR, str(folder), cwd=PROJECT_ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    return process, [int(pid) for pid in (await process.stdout.readline()).split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_to_the_supervisor_ends_all(own_dir: Path, number: signal.Signals) -> None:
    process, pids = await _supervising(own_dir)
    process.send_signal(number)
    process.send_signal(number)  # an impatient second one changes nothing
    assert await process.wait() == 0
    assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_what_a_killed_supervisor_left_is_ended_by_the_next(own_dir: Path) -> None:
    process, pids = await _supervising(own_dir)
    process.kill()
    await process.wait()
    assert all(psutil.pid_exists(pid) for pid in pids)
    told: list[str] = []
    async with Supervisor(own_dir, told.append):
        pass
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)
    assert [line.split(",")[0] for line in told] == [f"ended one (pid {pids[0]})", f"ended two (pid {pids[1]})"]
