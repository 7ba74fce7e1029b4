"""Scripted faults: each does what it says, to the calls it is for, as often as it says."""

import json
import time
from typing import Any

import httpx
import pytest

from simulators.model_provider.json_value import Json
from tests.simulators.served import Provider

STEP = json.dumps({"task": "step", "step_id": "s1", "prompt": "Write about owls", "language": "en"})
OTHER = json.dumps({"task": "step", "step_id": "s2", "prompt": "Write about cats", "language": "en"})


def statuses(provider: Provider, *contents: str, **fields: Json) -> list[int]:
    return [provider.ask(content, **fields).status_code for content in contents]


def test_a_fault_applies_so_often_and_no_more(provider: Provider) -> None:
    provider.fault({"status": 503}, times=2)
    assert statuses(provider, "a", "b", "c") == [503, 503, 200]
    assert provider.http.get("/__sim/faults").json()["faults"][0]["applied"] == 2


def test_a_fault_may_let_calls_pass_first(provider: Provider) -> None:
    provider.fault({"status": 503}, skip=1, times=1)
    assert statuses(provider, "a", "b", "c") == [200, 503, 200]


def test_rules_are_tried_in_order(provider: Provider) -> None:
    provider.fault({"status": 500}, times=1)
    provider.fault({"status": 429}, times=1)
    assert statuses(provider, "a", "b", "c") == [500, 429, 200]


def test_times_may_count_for_each_step(provider: Provider) -> None:
    provider.fault({"status": 500}, times=1, per_step=True)
    assert statuses(provider, STEP, OTHER, STEP, OTHER) == [500, 500, 200, 200]


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({"task": "step"}, [True, True, False]),
        ({"step_id": "s2"}, [False, True, False]),
        ({"contains": "owls"}, [True, False, True]),
        ({"model": "other"}, [False, False, False]),
        ({"idempotency_key_contains": "/s1/"}, [True, True, True]),
        ({"task": "plan"}, [False, False, False]),
        ({"task": "step", "contains": "owls"}, [True, False, False]),
    ],
)
def test_matching(provider: Provider, match: dict[str, str], hit: list[bool]) -> None:
    provider.fault({"status": 500}, match=match)
    headers = {"Idempotency-Key": "req/s1/1"}
    assert [status == 500 for status in statuses(provider, STEP, OTHER, "owls", headers=headers)] == hit


def test_delete_removes_all_faults(provider: Provider) -> None:
    provider.fault({"status": 500})
    assert provider.http.delete("/__sim/faults").status_code == 204
    assert statuses(provider, "a") == [200]
    assert provider.http.get("/__sim/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    "rules",
    [
        [{"fault": {"status": 5}}],
        [{"fault": {"statsu": 500}}],
        [{"fault": {"raw": {"body_base64": "?"}}}],
        [{"fault": {"wrong_usage": "odd"}}],
        [{"match": {"taks": "x"}, "fault": {}}],
        [{"match": {"task": "plan"}, "fault": {"preset": "unheard-of"}}],
        [{"fault": {"preset": "cycle"}}],
        {"times": 1},
        "x",
    ],
)
def test_a_wrong_rule_is_refused_and_nothing_added(provider: Provider, rules: Json) -> None:
    response = provider.http.post("/__sim/faults", json=rules)
    assert response.status_code == 400
    assert response.json()["error"]["message"]
    assert provider.http.get("/__sim/faults").json() == {"faults": []}
    assert provider.http.post("/__sim/faults", content=b"{").status_code == 400


def test_status_with_body_and_headers(provider: Provider) -> None:
    provider.fault({"status": 429, "body": {"error": "slow down"}, "headers": {"Retry-After": "3"}}, times=1)
    provider.fault({"status": 502, "body": "<html>"}, times=1)
    throttled, broken = provider.ask("a"), provider.ask("a", stream=True)
    assert (throttled.json(), throttled.headers["retry-after"]) == ({"error": "slow down"}, "3")
    assert (broken.status_code, broken.text) == (502, "<html>")


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"answer": "this"}, "this"),
        ({"answer_json": {"a": [1]}}, '{"a": [1]}'),
        ({"empty": True}, ""),
        ({"repeat_bytes": 20}, "0123456789abcde 0123"),
    ],
)
def test_literal_answers(provider: Provider, fault: dict[str, Any], text: str) -> None:
    provider.fault(fault)
    assert provider.text(STEP) == text


def test_a_large_answer_is_streamed_whole(provider: Provider) -> None:
    provider.fault({"repeat_bytes": 1_000_000})
    lines = provider.ask("x", stream=True, max_tokens=100).text.split("\n\n")[:-2]
    deltas = (json.loads(line.removeprefix("data: "))["choices"][0]["delta"] for line in lines)
    assert sum(len(delta.get("content", "")) for delta in deltas) == 1_000_000


def test_a_fault_may_choose_the_finish_reason(provider: Provider) -> None:
    provider.fault({"finish_reason": "length"})
    assert provider.ask("x").json()["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("wrong", "prompt_tokens"), [("negative", -1), ("huge", 10**12), ({"prompt_tokens": "many"}, "many")]
)
def test_wrong_usage(provider: Provider, wrong: Json, prompt_tokens: Json) -> None:
    provider.fault({"wrong_usage": wrong})
    assert provider.ask("x").json()["usage"]["prompt_tokens"] == prompt_tokens


def test_missing_usage(provider: Provider) -> None:
    provider.fault({"wrong_usage": "missing"})
    assert "usage" not in provider.ask("x").json()
    assert '"choices":[]' not in provider.ask("x", stream=True, stream_options={"include_usage": True}).text


def test_bad_json(provider: Provider) -> None:
    provider.fault({"bad_json": True})
    response = provider.ask("x")
    assert response.status_code == 200
    with pytest.raises(ValueError, match="Unterminated"):
        response.json()


@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_connection(provider: Provider, stream: bool) -> None:
    provider.fault({"cut_stream_after": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        provider.ask("Write about owls and cats", stream=stream)
    call = provider.calls()[0]
    assert (call["status"], call["finish_reason"], call["aborted"]) == (200, None, False)


def test_a_stream_cut_after_more_pieces_than_it_has_is_cut_at_its_end(provider: Provider) -> None:
    provider.fault({"cut_stream_after": 1, "empty": True})
    with pytest.raises(httpx.RemoteProtocolError):
        provider.ask("x", stream=True)


def test_delays(provider: Provider) -> None:
    provider.fault({"delay_s": 0.1}, times=1)
    provider.fault({"chunk_delay_s": 0.05, "answer": "one two three four"}, times=1)
    began = time.monotonic()
    provider.ask("x")
    waited = time.monotonic()
    provider.ask("x", stream=True)
    assert waited - began >= 0.1
    assert time.monotonic() - waited >= 0.1


def test_a_stream_may_stall(provider: Provider) -> None:
    provider.fault({"hang_after": 1})
    pieces: list[str] = []
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Write about owls"}]}
    with (
        pytest.raises(httpx.ReadTimeout),
        provider.http.stream("POST", "/v1/chat/completions", json=body, timeout=0.3) as response,
    ):
        pieces.extend(line for line in response.iter_lines() if line)
    assert len(pieces) == 2
