"""Anthropic's Messages API over the real database, with calls made by hand."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from domain.gateway import CallError
from tests.api.gateway.maker import Maker, model
from tests.api.gateway.saying import call, chunk, last, thought, words
from tests.workflows.product import parse_sse

Json = dict[str, Any]
PATH = "/v1/messages"


def asked(name: str, **fields: Any) -> Json:
    return {"model": name, "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}], **fields}


def events_of(answer: httpx.Response) -> list[tuple[str, Json]]:
    return [(event["event"], json.loads(event["data"])) for event in parse_sse(answer.text)]


async def test_a_message_is_answered_whole(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    asking = asyncio.create_task(gate.post(PATH, json=asked(name), headers={"X-Request-Id": "abc"}))
    call_id = await maker.answer(name, "Good ", "day")
    answer = await asking
    message = answer.json()
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-longhaul-request-id"] == call_id
    assert answer.headers["request-id"] == answer.headers["x-request-id"] == "abc"
    assert message["id"] == call_id.replace("call_", "msg_")
    assert message["content"] == [{"type": "text", "text": "Good day"}]
    assert (message["type"], message["role"], message["stop_reason"]) == ("message", "assistant", "end_turn")
    assert message["usage"]["input_tokens"] == 7
    assert message["usage"]["cache_read_input_tokens"] == 4
    assert message["longhaul"]["account"] == "sim-a"
    assert answer.headers["x-longhaul-cost"] == "250"


async def test_a_message_is_streamed_as_it_comes(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    chunks = [*thought("hm", signature="c2ln"), *words("Go", "od"), call(0, id="t1", name="f", arguments='{"a":1}')]
    asking = asyncio.create_task(gate.post(PATH, json=asked(name, stream=True)))
    call_id = await maker.call(name)
    maker.begun(call_id)
    maker.tell(call_id, chunks)
    await maker.finish(call_id, chunks, finish_reason="tool_calls")
    answer = await asking
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events_of(answer)
    assert [kind for kind, _ in told] == [data["type"] for _, data in told]
    assert told[0][0] == "message_start"
    assert told[0][1]["message"]["model"] == name
    starts = [data["content_block"]["type"] for kind, data in told if kind == "content_block_start"]
    assert starts == ["thinking", "text", "tool_use"]
    assert told[-2][1]["delta"]["stop_reason"] == "tool_use"
    assert told[-2][1]["longhaul"]["cost_micros"] == 250
    assert told[-1] == ("message_stop", {"type": "message_stop"})


async def test_the_body_reaches_the_maker_in_the_form_of_the_openai_api(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    body = asked(name, system="Be brief.", top_k=3, longhaul={"priority": 2})
    asking = asyncio.create_task(gate.post(PATH, json=body, headers={"anthropic-beta": "a-1, b-2"}))
    await maker.answer(name, "x")
    assert (await asking).status_code == 200
    (row,) = await maker.db.fetch(
        "SELECT message->>'text' AS body, options FROM request WHERE options->>'model' = $1", name
    )
    assert json.loads(row["body"]) == {
        "model": name,
        "max_completion_tokens": 100,
        "stream": False,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "anthropic": {"top_k": 3, "betas": ["a-1", "b-2"]},
    }
    assert row["options"]["priority"] == 2


@pytest.mark.parametrize(
    ("status", "code", "told_status", "kind"),
    [
        (400, "invalid_request", 400, "invalid_request_error"),
        (402, "insufficient_quota", 402, "billing_error"),
        (403, "model_not_allowed", 403, "permission_error"),
        (404, "model_not_found", 404, "not_found_error"),
        (429, "rate_limit_exceeded", 429, "rate_limit_error"),
        (502, "upstream_error", 502, "api_error"),
        (503, "no_provider_available", 529, "overloaded_error"),
        (503, "service_unavailable", 503, "api_error"),
        (504, "upstream_timeout", 504, "timeout_error"),
    ],
)
async def test_a_failed_call_has_anthropics_status_and_type(
    gate: httpx.AsyncClient, maker: Maker, status: int, code: str, told_status: int, kind: str
) -> None:
    name = model()
    asking = asyncio.create_task(gate.post(PATH, json=asked(name, stream=True)))
    error = CallError(status=status, type="x", code=code, message="it broke", retry_after_s=1.5)
    await maker.fail(await maker.call(name), error)
    answer = await asking
    assert answer.status_code == told_status
    assert answer.json() == {
        "type": "error",
        "error": {"type": kind, "message": "it broke", "code": code},
        "request_id": answer.headers["request-id"],
    }
    assert answer.headers["retry-after"] == "2"


async def test_an_answer_that_breaks_off_ends_with_an_error_event(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    asking = asyncio.create_task(gate.post(PATH, json=asked(name, stream=True)))
    call_id = await maker.call(name)
    maker.begun(call_id)
    maker.tell(call_id, words("Go"))
    await maker.fail(call_id, CallError(status=502, type="server_error", code="upstream_error", message="it broke"))
    kind, data = events_of(await asking)[-1]
    assert (kind, data["type"], data["error"]["type"]) == ("error", "error", "api_error")


async def test_a_client_comes_back_for_the_events_it_has_not_seen(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    key = {"Idempotency-Key": name}
    asking = asyncio.create_task(gate.post(PATH, json=asked(name, stream=True), headers=key))
    await maker.answer(name, "a", "b", "c")
    whole = parse_sse((await asking).text)
    for seen in (0, 3, len(whole) - 2):
        headers = {**key, "Last-Event-ID": whole[seen]["id"]}
        again = await gate.post(PATH, json=asked(name, stream=True), headers=headers)
        told = parse_sse(again.text)
        assert [event["id"] for event in told] == [event["id"] for event in whole[seen + 1 :]]
        assert told[:-2] == whole[seen + 1 : -2]
    assert len(await maker.calls(name)) == 1


async def test_an_answer_begun_anew_is_told_from_its_beginning_who_asked_for_that(
    gate: httpx.AsyncClient, maker: Maker
) -> None:
    name = model()
    asking = asyncio.create_task(gate.post(PATH, json=asked(name, stream=True, longhaul={"resets": True})))
    call_id = await maker.call(name)
    maker.begun(call_id)
    maker.tell(call_id, words("old"), n=1)
    maker.tell(call_id, [*words("new"), last()], n=2)
    await maker.finish(call_id, [*words("new"), last()], attempt=2)
    told = events_of(await asking)
    kinds = [kind for kind, _ in told]
    at = kinds.index("reset")
    assert kinds[at + 1] == "message_start"
    assert [data["delta"]["text"] for kind, data in told[at:] if kind == "content_block_delta"] == ["new"]


async def test_an_answer_begun_anew_is_never_told_twice(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    asking = asyncio.create_task(gate.post(PATH, json=asked(name, stream=True)))
    call_id = await maker.call(name)
    maker.begun(call_id)
    maker.tell(call_id, words("old"), n=1)
    maker.tell(call_id, words("another"), n=2)
    told = events_of(await asking)
    assert told[-1][1]["error"]["code"] == "answer_broken_off"
    assert "another" not in json.dumps(told)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "the body must be a JSON object"),
        (b"{", "the body is not valid JSON"),
        (b'{"model": "gate-x", "max_tokens": 5}', "messages: must have 1 to 10000 messages"),
        (
            b'{"model": "gate-x", "max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "text"}]}]}',
            "messages.0.content.0.text: is required",
        ),
        (b'{"model": "gate-x", "messages": []}', "max_tokens: is required"),
        (
            b'{"model": "gate-x", "max_tokens": 5, "messages": [{"role": "user", "content": "a\\u0000b"}]}',
            "a text holds a NUL or half of a surrogate pair",
        ),
        (
            b'{"model":"gate-x","max_tokens":5,"messages":[{"role":"user","content":"x"}],"longhaul":{"priority":9}}',
            "longhaul.priority: Input should be less than or equal to 5",
        ),
    ],
)
async def test_a_body_that_cannot_be_used_is_refused_in_anthropics_words(
    gate: httpx.AsyncClient, body: bytes, message: str
) -> None:
    answer = await gate.post(PATH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["message"] == message


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [("no-such-model", 404, "not_found_error"), ("secret", 403, "permission_error"), ("off", 404, "not_found_error")],
)
async def test_models_that_are_not_there_or_not_the_callers(
    gate: httpx.AsyncClient, name: str, status: int, kind: str
) -> None:
    for path in (PATH, f"{PATH}/count_tokens"):
        answer = await gate.post(path, json=asked(name))
        assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


async def test_unknown_paths_and_foreign_origins_are_refused_in_anthropics_words(gate: httpx.AsyncClient) -> None:
    for answer in (
        await gate.get(f"{PATH}/batches"),
        await gate.post(PATH, json=asked("gate-x"), headers={"Origin": "https://evil.example"}),
    ):
        assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == "permission_error"


async def test_a_key_used_with_another_body_is_refused(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    key = {"Idempotency-Key": name}
    asking = asyncio.create_task(gate.post(PATH, json=asked(name), headers=key))
    await maker.answer(name, "x")
    await asking
    answer = await gate.post(PATH, json=asked(name, max_tokens=101), headers=key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_tokens_are_counted_without_a_call(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    few = await gate.post(f"{PATH}/count_tokens", json=asked(name, max_tokens=None))
    tools = [{"name": "f", "description": "x" * 300, "input_schema": {"type": "object"}}]
    many = await gate.post(f"{PATH}/count_tokens", json=asked(name, tools=tools, system="y" * 300))
    assert few.status_code == many.status_code == 200
    assert few.json()["input_tokens"] > 0
    assert many.json()["input_tokens"] >= few.json()["input_tokens"] + 200
    assert await maker.calls(name) == []


async def test_a_refusal_is_told_with_its_reason(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    asking = asyncio.create_task(gate.post(PATH, json=asked(name)))
    call_id = await maker.call(name)
    await maker.finish(call_id, [chunk(refusal="I will not.")], refused=True, finish_reason="content_filter")
    message = (await asking).json()
    assert (message["stop_reason"], message["content"][0]["text"]) == ("refusal", "I will not.")


async def test_a_job_is_accepted_and_read_as_a_chat(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    accepted = await gate.post(PATH, json=asked(name, longhaul={"async": True}))
    assert accepted.status_code == 202, accepted.text
    await maker.finish(accepted.json()["id"], words("done"))
    seen = (await gate.get(f"/v1/calls/{accepted.json()['id']}")).json()
    assert seen["answer"]["choices"][0]["message"]["content"] == "done"
