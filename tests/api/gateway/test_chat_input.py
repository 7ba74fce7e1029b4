"""What clients get wrong, and what they are told: always the API's own envelope, before anything is started."""

import json
from typing import Any

import httpx
import pytest

from api.body_limit import MAX_CALL_BYTES
from api.gateway.bodies import MAX_DEPTH
from api.gateway.chat_body import MAX_MESSAGES
from api.parts import Parts
from services.storage.event_reader import EventReader
from tests.api.gateway.maker import Json, Maker, model
from tests.api.gateway.streams import CHAT, HELLO, asking
from tests.api.served import serving

JSON = {"Content-Type": "application/json"}


def error_of(answer: httpx.Response) -> Json:
    """Return the error in the API's envelope, and nothing beside it."""
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    error: Json = body["error"]
    return error


WRONG: list[tuple[Json, str, str]] = [
    ({"model": None}, "model", "missing_required_parameter"),
    ({"model": 5}, "model", "invalid_type"),
    ({"model": ""}, "model", "invalid_value"),
    ({"model": "a b"}, "model", "invalid_value"),
    ({"model": "m" * 201}, "model", "invalid_value"),
    ({"messages": None}, "messages", "missing_required_parameter"),
    ({"messages": []}, "messages", "invalid_value"),
    ({"messages": "Hello"}, "messages", "invalid_type"),
    ({"messages": ["Hello"]}, "messages[0]", "invalid_type"),
    ({"messages": [{"content": "Hello"}]}, "messages[0].role", "invalid_type"),
    ({"messages": [*HELLO, {"role": 7, "content": "x"}]}, "messages[1].role", "invalid_type"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
    ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content", "invalid_type"),
    ({"messages": [{"role": "user", "content": {"text": "x"}}]}, "messages[0].content", "invalid_type"),
    ({"max_tokens": -1}, "max_tokens", "invalid_value"),
    ({"max_tokens": 0}, "max_tokens", "invalid_value"),
    ({"max_tokens": 1.5}, "max_tokens", "invalid_type"),
    ({"max_tokens": True}, "max_tokens", "invalid_type"),
    ({"max_completion_tokens": "9"}, "max_completion_tokens", "invalid_type"),
    ({"n": 0}, "n", "invalid_value"),
    ({"n": 129}, "n", "invalid_value"),
    ({"temperature": "warm"}, "temperature", "invalid_type"),
    ({"stream": "yes"}, "stream", "invalid_type"),
    ({"stream_options": True}, "stream_options", "invalid_type"),
    ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage", "invalid_type"),
    ({"tools": {"type": "function"}}, "tools", "invalid_type"),
    ({"tools": [5]}, "tools[0]", "invalid_type"),
    ({"user": {"id": 4}}, "user", "invalid_type"),
    ({"longhaul": []}, "longhaul", "invalid_type"),
    ({"longhaul": {"prioritty": 1}}, "longhaul.prioritty", "unsupported_parameter"),
    ({"longhaul": {"priority": 6}}, "longhaul.priority", "invalid_value"),
    ({"longhaul": {"priority": 0}}, "longhaul.priority", "invalid_value"),
    ({"longhaul": {"priority": "1"}}, "longhaul.priority", "invalid_type"),
    ({"longhaul": {"wait_s": -1}}, "longhaul.wait_s", "invalid_value"),
    ({"longhaul": {"wait_s": True}}, "longhaul.wait_s", "invalid_type"),
    ({"longhaul": {"timeout_s": 0}}, "longhaul.timeout_s", "invalid_value"),
    ({"longhaul": {"session": "s" * 201}}, "longhaul.session", "invalid_value"),
    ({"longhaul": {"resets": "no"}}, "longhaul.resets", "invalid_type"),
]


@pytest.mark.parametrize(("change", "param", "code"), WRONG, ids=lambda value: str(value)[:40])
async def test_a_wrong_field_is_400_and_named(
    gate: httpx.AsyncClient, maker: Maker, change: Json, param: str, code: str
) -> None:
    name = model()
    answer = await gate.post(CHAT, json={**asking(name), **change})
    error = error_of(answer)
    assert answer.status_code == 400
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert await maker.calls(name) == []


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"[]", "invalid_type"),
        (b'"text"', "invalid_type"),
        (b"null", "invalid_type"),
        (b'{"model": NaN}', "malformed_json"),
        (b'{"model": "\xff"}', "not_utf8"),
        (b'{"model": "m", "model": "n"}', "duplicate_field"),
        (b'{"model": "m", "messages": [{"role": "user", "role": "system"}]}', "duplicate_field"),
        (b'{"model": "gate-x", "messages": [{"role": "user", "content": "a\\u0000b"}]}', "invalid_text"),
        (b'{"model": "gate-x", "messages": [{"role": "user", "content": "\\ud83d"}]}', "invalid_text"),
        (b'{"model": "gate-x", "messages": [{"role": "user"}], "seed": 1e999}', "invalid_value"),
        (b'{"model": "gate-x", "messages": [{"role": "user"}], "seed": ' + b"9" * 5000 + b"}", "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "too_deep"),
        (b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "too_deep"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_body_that_cannot_be_read_is_400(gate: httpx.AsyncClient, raw: bytes, code: str) -> None:
    answer = await gate.post(CHAT, content=raw, headers=JSON)
    assert answer.status_code == 400
    assert error_of(answer)["code"] == code


async def test_nesting_within_the_bound_is_taken(gate: httpx.AsyncClient) -> None:
    deep: Any = 1
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    answer = await gate.post(CHAT, json={**asking("nobody's"), "deep": deep, "flat": [[0]] * 200})
    assert answer.status_code == 404


async def test_another_content_type_is_415(gate: httpx.AsyncClient) -> None:
    answer = await gate.post(CHAT, content=json.dumps(asking("gate-x")), headers={"Content-Type": "text/plain"})
    assert (answer.status_code, error_of(answer)["code"]) == (415, "not_json")


async def test_an_oversized_prompt_is_413(gate: httpx.AsyncClient) -> None:
    body = json.dumps(asking("gate-x", messages=[{"role": "user", "content": "x" * MAX_CALL_BYTES}]))
    answer = await gate.post(CHAT, content=body, headers=JSON)
    assert (answer.status_code, error_of(answer)["code"]) == (413, "body_too_large")


async def test_ten_thousand_messages_are_taken_and_one_more_is_not(gate: httpx.AsyncClient) -> None:
    messages = [{"role": "user", "content": "Hello"}] * MAX_MESSAGES
    assert MAX_MESSAGES == 10_000
    taken = await gate.post(CHAT, json={"model": "nobody's", "messages": messages})
    assert error_of(taken)["code"] == "model_not_found"
    refused = await gate.post(CHAT, json={"model": "nobody's", "messages": [*messages, *HELLO]})
    assert (refused.status_code, error_of(refused)["param"]) == (400, "messages")


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("nobody's", 404, "model_not_found"),
        ("off", 404, "model_not_found"),
        ("secret", 403, "model_not_allowed"),
        ("plain@no-such-version", 404, "model_not_found"),
    ],
)
async def test_unknown_and_forbidden_models(gate: httpx.AsyncClient, name: str, status: int, code: str) -> None:
    answer = await gate.post(CHAT, json=asking(name))
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["param"]) == (status, code, "model")


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\there", "schlüssel".encode()])
async def test_a_bad_idempotency_key_is_400(gate: httpx.AsyncClient, key: str | bytes) -> None:
    raw = key if isinstance(key, bytes) else key.encode()
    answer = await gate.post(CHAT, json=asking("gate-x"), headers=[(b"Idempotency-Key", raw)])
    assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid_idempotency_key")


@pytest.mark.parametrize(
    "event_id",
    [
        "",
        "7",
        "call_x:1.2",
        f"call_{'0' * 32}",
        f"call_{'0' * 32}:0.1",
        f"call_{'0' * 32}:1.-1",
        f"call_{'0' * 32}:1.2",
    ],
)
async def test_a_bad_last_event_id_is_400(gate: httpx.AsyncClient, maker: Maker, event_id: str) -> None:
    name = model()
    headers = {"Last-Event-ID": event_id, "Idempotency-Key": name}
    answer = await gate.post(CHAT, json=asking(name, stream=True), headers=headers)
    assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid_last_event_id")
    assert await maker.calls(name) == []


async def test_a_last_event_id_without_its_key_is_400(gate: httpx.AsyncClient) -> None:
    headers = {"Last-Event-ID": f"call_{'0' * 32}:1.2"}
    answer = await gate.post(CHAT, json=asking(model(), stream=True), headers=headers)
    assert (answer.status_code, error_of(answer)["code"]) == (400, "last_event_id_without_key")


@pytest.mark.parametrize("wait", ["soon", "", "nan", "-1", "1e9"])
async def test_a_bad_wait_header_is_400(gate: httpx.AsyncClient, wait: str) -> None:
    answer = await gate.post(CHAT, json=asking(model()), headers={"X-Longhaul-Wait": wait})
    assert answer.status_code == 400
    assert error_of(answer)["type"] == "invalid_request_error"


async def test_errors_of_the_framework_have_the_envelope_too(gate: httpx.AsyncClient) -> None:
    wrong_method = await gate.get(CHAT)
    assert (wrong_method.status_code, error_of(wrong_method)["code"]) == (405, "method_not_allowed")
    unknown = await gate.post("/v1/chat/nowhere", json={})
    assert (unknown.status_code, error_of(unknown)["code"]) == (404, "not_found")
    foreign = await gate.post(CHAT, json={}, headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, error_of(foreign)["type"]) == (403, "permission_error")


async def test_without_a_pool_there_is_no_model(idle_parts: Parts) -> None:
    async with serving(Parts(idle_parts.database, EventReader(idle_parts.database), idle_parts.temporal)) as bare:
        answer = await bare.post(CHAT, json=asking("gate-x"))
        assert (answer.status_code, error_of(answer)["code"]) == (404, "model_not_found")
        assert (await bare.get("/v1/models")).json() == {"object": "list", "data": []}
