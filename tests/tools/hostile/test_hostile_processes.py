"""Servers that are child processes and behave badly on their pipes, or refuse to end."""

import asyncio
import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from domain.errors import ToolError, ToolUnavailable
from simulators.mcp_server.behaviours import BEHAVIOURS, Reach
from simulators.model_provider.json_value import JsonObject
from tests.tools.hostile.arena import TEXT, Arena, of_process
from tests.tools.hostile.outcomes import BROKEN, FAILED, FINE, LOST, TOO_LARGE, TURNED_AWAY, UNUSABLE, Fails, Outcome

PATIENCE_S = 6.0
SHORT_S = 1.5
PROCESSES: dict[str, Outcome] = {
    "exits_at_once": TURNED_AWAY,
    "banner": FINE,
    "binary_garbage": FINE,
    "endless_line": Fails((ToolError,), maybe=False),
    "endless_line_in_call": UNUSABLE,
    "stderr_flood": FINE,
    "ignores_signals": FINE,
    "grandchild_keeps_pipe": FINE,
    "starts_late": FINE,
    "closes_stdout": TURNED_AWAY,
    "garbage_before_answer": FINE,
    "crashes": LOST,
    "crashes@connect": TURNED_AWAY,
    "half_json": BROKEN,
    "deep_nesting": BROKEN,
    "invalid_utf8": BROKEN,
    "null_result": BROKEN,
    "batch": BROKEN,
    "twenty_megabytes": TOO_LARGE,
    "huge_error": TOO_LARGE,
    "progress_flood": FINE,
    "error_without_flag": FAILED,
    "write_then_crash": FINE,
}
SILENT: dict[str, Outcome] = {
    "never_answers": LOST,
    "invalid_json": LOST,
    "empty_body": LOST,
    "wrong_id": LOST,
    "mirrors": LOST,
    "asks_and_waits": LOST,
}


def _events(log: Path, *names: str) -> list[JsonObject]:
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [line for line in lines if line["event"] in names]


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_every_behaviour_of_processes_is_in_the_table() -> None:
    assert {one.name for one in BEHAVIOURS.values() if one.reach is Reach.STDIO} <= set(PROCESSES)


@pytest.mark.parametrize("name", [*PROCESSES, *SILENT])
async def test_a_bad_process_is_a_typed_error_or_borne(arena: Arena, log: Path, name: str) -> None:
    attempt = await arena.call(of_process(name, log), patience_s=SHORT_S if name in SILENT else PATIENCE_S)
    assert (PROCESSES | SILENT)[name].problem(attempt) is None


async def test_a_write_of_a_process_that_dies_is_done_once_and_said_to_be_possible(arena: Arena, log: Path) -> None:
    server = of_process("write_then_crash_once", log)
    error = (await arena.call(server, "note_create", patience_s=PATIENCE_S)).error
    assert isinstance(error, ToolUnavailable)
    assert error.may_have_happened
    assert len(_events(log, "write")) == 1
    assert (await arena.call(server, patience_s=PATIENCE_S)).answer.structured == {"text": TEXT}


@pytest.mark.parametrize("name", ["ignores_signals", "grandchild_keeps_pipe", "never_answers", "endless_line_in_call"])
async def test_no_process_outlives_its_connection(arena: Arena, log: Path, name: str) -> None:
    await arena.call(of_process(name, log), patience_s=2.0)
    async with asyncio.timeout(12):
        await arena.connections.__aexit__(None, None, None)
    started = [event["pid"] for event in _events(log, "started")]
    left = [event["pid"] for event in _events(log, "grandchild")]
    for pid in left:
        os.kill(pid, signal.SIGKILL)  # it took a session of its own: only the one who knows it can end it
    assert started
    assert [pid for pid in started if _alive(pid)] == []


async def test_the_last_words_of_a_process_are_told(arena: Arena, log: Path) -> None:
    error = (await arena.call(of_process("exits_at_once", log), patience_s=PATIENCE_S)).error
    assert "no such configuration" in str(error)
