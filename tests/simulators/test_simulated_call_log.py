"""The log of calls: what came, how it ended, in memory and in the file."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulators.served import Provider

PLAN = json.dumps(
    {
        "task": "plan",
        "message": "Write about owls",
        "understanding": {"intent": "x", "detailed_description": "x"},
        "kinds": ["generate"],
        "max_steps": 5,
    }
)
STEP = json.dumps({"task": "step", "step_id": "s1", "prompt": "Write about owls", "language": "en"})


def lines(path: Path, call_id: str) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    return [entry for entry in entries if entry["id"] == call_id]


def test_a_call_is_logged_with_all_that_identifies_it(provider: Provider) -> None:
    provider.ask(STEP, headers={"Idempotency-Key": "req/s1/1/1"})
    (call,) = provider.calls()
    assert call["arrived_at"] <= call["ended_at"] <= time.time()
    assert {name: call[name] for name in ("model", "task", "step_id", "idempotency_key", "stream", "status")} == {
        "model": "m",
        "task": "step",
        "step_id": "s1",
        "idempotency_key": "req/s1/1/1",
        "stream": False,
        "status": 200,
    }
    assert (call["finish_reason"], call["fault"], call["aborted"]) == ("stop", None, False)
    assert call["usage"]["completion_tokens"] > 0


def test_the_file_has_two_lines_a_call_and_outlives_the_memory(provider: Provider, provider_log: Path) -> None:
    response = provider.ask(PLAN, stream=True)
    provider.http.delete("/__sim/calls")
    assert provider.calls() == []
    arrived, ended = lines(provider_log, response.headers["x-request-id"])
    assert (arrived["event"], arrived["task"], arrived["stream"]) == ("arrived", "plan", True)
    assert (ended["event"], ended["status"], ended["finish_reason"]) == ("ended", 200, "stop")


def test_a_call_is_logged_before_it_is_answered(provider: Provider, provider_log: Path) -> None:
    provider.fault({"hang": True})
    with pytest.raises(httpx.ReadTimeout):
        provider.http.post(
            "/v1/chat/completions",
            json={"model": "m", "messages": [{"role": "user", "content": "x"}]},
            timeout=0.2,
        )
    call = wait_for_end(provider)
    assert (call["aborted"], call["status"], call["fault"]) == (True, None, {"hang": True})
    assert [line["event"] for line in lines(provider_log, call["id"])] == ["arrived", "ended"]


def wait_for_end(provider: Provider) -> dict[str, Any]:
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        call: dict[str, Any] = provider.calls()[-1]
        if call["ended_at"] is not None:
            return call
    raise AssertionError("the call did not end")


def test_calls_can_be_filtered(provider: Provider) -> None:
    provider.ask(PLAN)
    provider.ask(STEP)
    provider.ask("Hello")
    assert [call["task"] for call in provider.calls()] == ["plan", "step", None]
    assert len(provider.calls(task="plan")) == 1
    assert len(provider.calls(step_id="s1")) == 1
    assert provider.calls(step_id="s2") == []


def test_the_digest_tells_whether_the_same_was_asked(provider: Provider) -> None:
    for content in (STEP, PLAN, STEP):
        provider.ask(content)
    first, second, third = (call["prompt_sha256"] for call in provider.calls())
    assert first == third != second


def test_a_document_that_is_not_valid_is_told_in_the_log_and_answered_as_text(provider: Provider) -> None:
    assert provider.text(json.dumps({"task": "step", "prompt": "x"}))
    (call,) = provider.calls()
    assert call["task"] is None
    assert "step_id" in call["document_error"]
