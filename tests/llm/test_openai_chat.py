"""The adapter against the simulated provider over HTTP, fault by fault."""

import json
import time
from typing import Any

import pytest

from domain.content import RESULT_LIMIT
from domain.errors import (
    ModelAnswerInvalid,
    ModelAnswerTooLarge,
    ModelCredentialDead,
    ModelError,
    ModelRejected,
    ModelThrottled,
    ModelUnavailable,
)
from services.llm.chat import JsonSchema
from services.llm.openai_chat import OpenAIChat, Provider
from tests.llm.parts import Parts, chat_request, collect

REJECTS_SCHEMA = {"error": {"message": "response_format json_schema is not supported", "type": "invalid_request_error"}}
SCHEMA = JsonSchema("verdict", {"type": "object", "properties": {"success": {"type": "boolean"}}})


async def test_an_answer_is_streamed_with_its_usage(parts: Parts) -> None:
    chunks = [chunk async for chunk in parts.chat.stream(chat_request(parts.sim.model, idempotency_key="call/1"))]
    answer = await collect(parts.chat, chat_request(parts.sim.model))
    assert "turtles" in answer.text.lower()
    assert "".join(chunk.text for chunk in chunks) == answer.text
    assert (answer.finish_reason, answer.refused, answer.simulated) == ("stop", False, True)
    assert not answer.usage.estimated
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    assert (await parts.sim.calls())[0]["idempotency_key"] == "call/1"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 429}, ModelThrottled),
        ({"status": 529}, ModelThrottled),
        ({"status": 401}, ModelCredentialDead),
        ({"status": 402}, ModelCredentialDead),
        ({"status": 403}, ModelCredentialDead),
        ({"status": 400}, ModelRejected),
        ({"status": 404}, ModelRejected),
        ({"status": 413}, ModelRejected),
        ({"status": 422}, ModelRejected),
        ({"status": 302, "headers": {"location": "http://127.0.0.1:1/"}}, ModelRejected),
        ({"status": 500}, ModelUnavailable),
        ({"status": 503, "body": "<html>"}, ModelUnavailable),
        ({"status": 200, "body": {"error": {"message": "no", "code": 503}}}, ModelUnavailable),
        ({"status": 200, "body": {"error": {"message": "no"}}}, ModelAnswerInvalid),
        ({"status": 200, "body": "{not json"}, ModelAnswerInvalid),
        ({"status": 200, "body": "[" * 100_000}, ModelAnswerInvalid),
        ({"status": 200, "body": "[]"}, ModelAnswerInvalid),
        ({"status": 200, "body": {}}, ModelAnswerInvalid),
        ({"status": 200, "body": "<html>", "headers": {"content-type": "text/html"}}, ModelAnswerInvalid),
        ({"bad_json": True}, ModelAnswerInvalid),
        ({"cut_stream_after": 0}, ModelUnavailable),
        ({"cut_stream_after": 2}, ModelUnavailable),
        ({"repeat_bytes": RESULT_LIMIT + 1}, ModelAnswerTooLarge),
    ],
)
async def test_each_fault_becomes_its_error(parts: Parts, fault: dict[str, Any], kind: type[ModelError]) -> None:
    await parts.sim.fault(**fault)
    with pytest.raises(ModelError) as caught:
        await collect(parts.chat, chat_request(parts.sim.model, max_output_tokens=RESULT_LIMIT))
    assert type(caught.value) is kind
    assert len(str(caught.value)) <= 500
    assert len(await parts.sim.calls()) == 1


async def test_retry_after_is_kept(parts: Parts) -> None:
    await parts.sim.fault(status=429, headers={"retry-after": "3"})
    with pytest.raises(ModelThrottled) as caught:
        await collect(parts.chat, chat_request(parts.sim.model))
    assert caught.value.retry_after_s == 3.0


async def test_an_answer_of_the_greatest_size_is_taken(parts: Parts) -> None:
    await parts.sim.fault(repeat_bytes=RESULT_LIMIT)
    answer = await collect(parts.chat, chat_request(parts.sim.model, max_output_tokens=RESULT_LIMIT))
    assert len(answer.text) == RESULT_LIMIT


@pytest.mark.parametrize("refusal", [True, {"text": "No.", "finish_reason": "content_filter"}])
async def test_a_refusal_is_seen(parts: Parts, refusal: Any) -> None:
    await parts.sim.fault(refusal=refusal)
    answer = await collect(parts.chat, chat_request(parts.sim.model))
    assert answer.refused
    assert answer.text


async def test_an_empty_answer_is_an_answer(parts: Parts) -> None:
    await parts.sim.fault(empty=True)
    answer = await collect(parts.chat, chat_request(parts.sim.model))
    assert (answer.text, answer.finish_reason) == ("", "stop")


async def test_a_cut_at_the_length_limit_is_told(parts: Parts) -> None:
    answer = await collect(parts.chat, chat_request(parts.sim.model, max_output_tokens=2))
    assert answer.finish_reason == "length"
    assert answer.usage.output_tokens == 2


@pytest.mark.parametrize("usage", ["missing", "negative", "huge", {"prompt_tokens": "many"}, {"prompt_tokens": True}])
async def test_a_wrong_usage_is_replaced_by_a_bounded_estimate(parts: Parts, usage: Any) -> None:
    await parts.sim.fault(wrong_usage=usage)
    request = chat_request(parts.sim.model)
    used = (await collect(parts.chat, request)).usage
    assert used.estimated
    assert 0 < used.input_tokens <= request.input_tokens
    assert 0 < used.output_tokens <= request.max_output_tokens


async def test_a_completion_that_is_not_streamed_is_read(parts: Parts) -> None:
    whole = {
        "choices": [{"message": {"content": "All of it."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3},
    }
    await parts.sim.fault(status=200, body=whole)
    answer = await collect(parts.chat, chat_request(parts.sim.model))
    assert (answer.text, answer.usage.input_tokens, answer.usage.output_tokens) == ("All of it.", 5, 3)


async def test_nul_and_half_surrogates_are_replaced(parts: Parts) -> None:
    body = json.dumps({"choices": [{"message": {"content": "a\0b\ud800c"}, "finish_reason": "stop"}]})
    await parts.sim.fault(status=200, body=body)
    answer = await collect(parts.chat, chat_request(parts.sim.model))
    assert answer.text == "a\ufffdb\ufffdc"


async def test_structured_output_falls_back_and_is_remembered(parts: Parts) -> None:
    await parts.sim.fault(times=2, status=400, body=REJECTS_SCHEMA)
    request = chat_request(parts.sim.model, json_schema=SCHEMA)
    await collect(parts.chat, request)
    assert [call["status"] for call in await parts.sim.calls()] == [400, 400, 200]
    await collect(parts.chat, request)
    assert len(await parts.sim.calls()) == 4


async def test_the_other_name_of_the_token_limit_is_tried(parts: Parts) -> None:
    complaint = {"error": {"message": "'max_tokens' is not supported, use 'max_completion_tokens' instead"}}
    await parts.sim.fault(times=1, status=400, body=complaint)
    answer = await collect(parts.chat, chat_request(parts.sim.model, max_output_tokens=2))
    assert answer.finish_reason == "length"


async def test_a_refusal_about_something_else_is_not_repeated(parts: Parts) -> None:
    await parts.sim.fault(status=400, body={"error": {"message": "context too long"}})
    with pytest.raises(ModelRejected):
        await collect(parts.chat, chat_request(parts.sim.model, json_schema=SCHEMA))
    assert len(await parts.sim.calls()) == 1


async def test_an_endless_complaint_ends(parts: Parts) -> None:
    await parts.sim.fault(status=400, body="response_format max_completion_tokens stream_options")
    with pytest.raises(ModelRejected):
        await collect(parts.chat, chat_request(parts.sim.model, json_schema=SCHEMA))
    assert len(await parts.sim.calls()) == 5


async def test_silence_is_bounded(parts: Parts) -> None:
    await parts.sim.fault(hang_after=1)
    provider = Provider(parts.sim.base_url, silence_s=0.3)
    began = time.monotonic()
    async with OpenAIChat(provider) as chat:
        with pytest.raises(ModelUnavailable):
            await collect(chat, chat_request(parts.sim.model))
    assert time.monotonic() - began < 3


async def test_nobody_there_is_unavailable(parts: Parts) -> None:
    async with OpenAIChat(Provider("http://127.0.0.1:1/v1")) as chat:
        with pytest.raises(ModelUnavailable):
            await collect(chat, chat_request(parts.sim.model))


async def test_no_address_is_rejected() -> None:
    async with OpenAIChat(Provider("nonsense")) as chat:
        with pytest.raises(ModelRejected):
            await collect(chat, chat_request("m"))
