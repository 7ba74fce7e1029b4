"""The behaviours of processes: what they write where, and how they end."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from simulators.mcp_server.behaviours import BEHAVIOURS, Reach
from simulators.mcp_server.stdio_wire import CRASHED
from simulators.model_provider.json_value import JsonObject
from tests.house.source import ROOT
from tests.simulators.mcp_server.raw import request

LIMIT = 4 * 1024 * 1024
HUNDRED_MB = 100 * 1024 * 1024


@asynccontextmanager
async def _running(behaviour: str, log: Path | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    more = ["--log", str(log)] if log else []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.mcp_server", "--stdio", "--behaviour", behaviour, *more, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=LIMIT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def _send(process: asyncio.subprocess.Process, kind: str) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(request(kind)).encode() + b"\n")


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    return await asyncio.wait_for(process.stdout.readline(), 10)


async def _honest(process: asyncio.subprocess.Process) -> bool:
    _send(process, "call")
    answer: JsonObject = json.loads(await _line(process))
    return bool(answer["result"]["structuredContent"] == {"text": "hello"})


async def test_exits_at_once() -> None:
    async with _running("exits_at_once") as process:
        out, error = await process.communicate()
        assert (process.returncode, out, bool(error)) == (1, b"", True)


async def test_crashes_in_a_call() -> None:
    async with _running("crashes") as process:
        _send(process, "list")
        assert b'"tools"' in await _line(process)
        _send(process, "call")
        assert await _line(process) == b""
        assert await process.wait() == CRASHED


async def test_a_banner_and_lines_that_are_no_messages() -> None:
    async with _running("banner") as process:
        assert [await _line(process) for _ in range(5)][1:] == [b"listening on stdin\n", b"\n", b"{}\n", b"[]\n"]
        assert await _honest(process)
    async with _running("garbage_before_answer") as process:
        _send(process, "call")
        lines = [await _line(process) for _ in range(6)]
        assert lines[0] == b"DEBUG calling tool\n"
        assert "result" in json.loads(lines[-1])


async def test_bytes_that_are_no_text() -> None:
    async with _running("binary_garbage") as process:
        assert process.stdout is not None
        assert await process.stdout.readexactly(1024 * 1024 + 1)
        assert await _honest(process)


@pytest.mark.parametrize("name", ["endless_line", "endless_line_in_call"])
async def test_a_line_without_end(name: str) -> None:
    async with _running(name) as process:
        assert process.stdout is not None
        _send(process, "call")
        seen = 0
        while seen < HUNDRED_MB:
            piece = await asyncio.wait_for(process.stdout.read(LIMIT), 10)
            seen += len(piece)
            assert b"\n" not in piece[: HUNDRED_MB - seen]


async def test_a_flood_on_stderr() -> None:
    async with _running("stderr_flood") as process:
        assert process.stderr is not None
        _send(process, "call")
        seen = 0
        while seen < HUNDRED_MB:
            seen += len(await asyncio.wait_for(process.stderr.read(LIMIT), 10))
        assert b'"hello"' in await _line(process)


async def test_ignores_signals_and_the_end_of_stdin() -> None:
    async with _running("ignores_signals") as process:
        assert process.stdin is not None
        assert await _honest(process)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.wait(), 0.5)


async def test_a_grandchild_keeps_the_pipe_open(tmp_path: Path) -> None:
    async with _running("grandchild_keeps_pipe", tmp_path / "log.jsonl") as process:
        assert process.stdin is not None
        assert await _honest(process)
        log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
        grandchild = psutil.Process(next(line["pid"] for line in log if line["event"] == "grandchild"))
        try:
            process.stdin.close()
            with pytest.raises(TimeoutError):
                await _line_or_time_out(process)
            assert os.getsid(grandchild.pid) == grandchild.pid
        finally:
            grandchild.kill()
        assert await _line(process) == b""


async def test_starts_late() -> None:
    async with _running("starts_late") as process:
        _send(process, "call")
        with pytest.raises(TimeoutError):
            await _line_or_time_out(process)
        assert b'"hello"' in await _line(process)


async def test_closes_stdout_and_lives_on() -> None:
    async with _running("closes_stdout") as process:
        assert await _line(process) == b""
        assert process.returncode is None


def test_every_behaviour_of_processes_is_here() -> None:
    mine = Path(__file__).read_text(encoding="utf-8")
    assert [one.name for one in BEHAVIOURS.values() if one.reach is Reach.STDIO and f'"{one.name}"' not in mine] == []


async def _line_or_time_out(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    return await asyncio.wait_for(process.stdout.readline(), 0.5)
