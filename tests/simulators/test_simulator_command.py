"""`python -m simulators.model_provider` as a process."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from simulators.model_provider.__main__ import main

ROOT = Path(__file__).parents[2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "simulators.model_provider", *arguments]


def test_it_serves_logs_and_ends_on_sigterm(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    arguments = command("--port", "0", "--log", str(log), "--profile", "scripted", "--model", "a", "--api-key", "k")
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        body = {"model": "a", "messages": [{"role": "user", "content": "What is 2*3?"}]}
        headers = {"Authorization": "Bearer k"}
        answer = httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, trust_env=False).json()
        process.terminate()
        _, errors = process.communicate(timeout=10)
    assert answer["choices"][0]["message"]["content"] == "2*3 = 6"
    assert errors == ""
    assert [json.loads(line)["event"] for line in log.read_text().splitlines()] == ["arrived", "ended"]


def test_limits_and_pieces_are_settings() -> None:
    limits = ("--requests-per-minute", "1", "--limit", "key=big,rpm=3", "--chunks", "5", "--memory", "2")
    with subprocess.Popen(command("--port", "0", *limits), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        statuses = {key: [ask(url, key).status_code for _ in range(3)] for key in ("small", "big")}
        text = ask(url, "other").json()["choices"][0]["message"]["content"]
        calls = httpx.get(f"{url}/__sim/calls", trust_env=False).json()["calls"]
        process.terminate()
        process.wait(timeout=10)
    assert statuses == {"small": [200, 429, 429], "big": [200, 200, 200]}
    assert text.split()[-3:] == ["piece", "5", "of"]
    assert len(calls) == 2


def ask(url: str, key: str) -> httpx.Response:
    body = {"model": "a", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, trust_env=False)


@pytest.mark.parametrize("wrong", [("--limit", "rpm"), ("--chunks", "0"), ("--chunks", "4001"), ("--chunks", "x")])
def test_a_wrong_setting_is_named(wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--port", "0", *wrong])
    assert wrong[0] in capsys.readouterr().err


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command("--port", str(port)), cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
        )
    assert done.returncode == 1
    assert str(port) in done.stderr
