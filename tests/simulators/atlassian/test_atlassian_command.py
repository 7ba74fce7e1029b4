"""`python -m simulators.atlassian` as a process, and as the supervisor runs it."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from runtime.local import Supervisor, programs
from runtime.local.atlassian import TOKEN
from runtime.local.ports import free_port

ROOT = Path(__file__).parents[3]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "simulators.atlassian", *arguments]


def test_it_serves_logs_and_ends_on_sigterm(tmp_path: Path) -> None:
    log = tmp_path / "log" / "writes.jsonl"
    arguments = command("--port", "0", "--log", str(log), "--token", "t", "--read-only-token", "r")
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = f"{process.stdout.readline().strip()}/rest/api/2/issue/DEMO-1/comment"
        statuses = [
            httpx.post(
                url, json={"body": "x"}, headers={"Authorization": f"Bearer {token}"}, trust_env=False
            ).status_code
            for token in ("t", "r", "other")
        ]
        process.terminate()
        _, errors = process.communicate(timeout=10)
    assert (statuses, errors) == ([201, 403, 401], "")
    assert [json.loads(line)["kind"] for line in log.read_text().splitlines()] == ["comment.added"]


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command("--port", str(port)), cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
        )
    assert done.returncode == 1
    assert str(port) in done.stderr


async def test_the_supervisor_runs_it(tmp_path: Path) -> None:
    port = free_port()
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(programs.atlassian_simulator(port, tmp_path / "writes.jsonl"))
        url = f"http://127.0.0.1:{port}/rest/api/2/myself"
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as http:
            answer = await http.get(url)
        assert answer.json()["name"] == "longhaul"
