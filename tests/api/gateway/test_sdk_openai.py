"""The unchanged `openai` SDK against the whole product: a worker, Temporal and the simulated provider."""

import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from openai.types.responses import FunctionToolParam, ResponseInputParam
from pydantic import BaseModel

from domain.model_pool import Dialect, Limit, LimitKind
from tests.api.gateway.sdk import Gateway

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the capital of France?"}]
DIALECTS = pytest.mark.parametrize("dialect", list(Dialect))
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Tell the weather.", "parameters": SCHEMA},
}
WEATHER_FUNCTION: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
    "description": "Tell the weather.",
    "parameters": SCHEMA,
    "strict": True,
}
CALL = 'call get_weather {"city": "Paris"}'


class Capital(BaseModel):
    """What the model is to answer."""

    city: str
    inhabitants: int


@DIALECTS
async def test_a_chat_is_answered(gateway: Gateway, dialect: Dialect) -> None:
    model = await gateway.model(dialect)
    async with gateway.openai() as client:
        answer = await client.chat.completions.create(model=model, messages=ASK, max_tokens=200)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == model
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


@DIALECTS
async def test_a_chat_is_streamed_with_usage(gateway: Gateway, dialect: Dialect) -> None:
    model = await gateway.model(dialect)
    async with gateway.openai() as client:
        whole = await client.chat.completions.create(model=model, messages=ASK)
        stream = await client.chat.completions.create(
            model=model, messages=ASK, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


@DIALECTS
async def test_a_loop_of_tools_goes_round(gateway: Gateway, dialect: Dialect) -> None:
    model = await gateway.model(dialect)
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": CALL}]
    async with gateway.openai() as client:
        asked = (await client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])).choices[0]
        assert asked.finish_reason == "tool_calls"
        (call,) = asked.message.tool_calls or []
        assert call.type == "function"
        assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Paris"})
        messages.append(asked.message.model_dump(exclude_none=True))  # type: ignore[arg-type]  # as the SDK's guide does
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "rain in Paris"})
        told = await client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    assert "rain in Paris" in (told.choices[0].message.content or "")


async def test_tools_are_streamed_by_the_sdks_own_helper(gateway: Gateway) -> None:
    model = await gateway.model()
    strict = {**WEATHER, "function": {**WEATHER["function"], "strict": True}}
    async with (
        gateway.openai() as client,
        client.chat.completions.stream(
            model=model,
            messages=[{"role": "user", "content": CALL}],
            tools=[strict],  # type: ignore[list-item]  # a TypedDict, spread
        ) as stream,
    ):
        done = [event async for event in stream if event.type == "tool_calls.function.arguments.done"]
    assert [(event.name, event.arguments) for event in done] == [("get_weather", '{"city": "Paris"}')]


@DIALECTS
async def test_structured_output_is_parsed(gateway: Gateway, dialect: Dialect) -> None:
    model = await gateway.model(dialect)
    async with gateway.openai() as client:
        answer = await client.chat.completions.parse(model=model, messages=ASK, response_format=Capital)
    assert isinstance(answer.choices[0].message.parsed, Capital)


@pytest.mark.parametrize("dialect", [Dialect.OPENAI, Dialect.GEMINI])
async def test_texts_are_embedded(gateway: Gateway, dialect: Dialect) -> None:
    model = await gateway.model(dialect)
    async with gateway.openai() as client:
        answer = await client.embeddings.create(model=model, input=["red", "blue", "red"])
    vectors = [each.embedding for each in answer.data]
    assert [each.index for each in answer.data] == [0, 1, 2]
    assert vectors[0] == vectors[2] != vectors[1]
    assert answer.usage.prompt_tokens >= 0


async def test_a_text_is_completed_and_streamed(gateway: Gateway) -> None:
    model = await gateway.model()
    async with gateway.openai() as client:
        whole = await client.completions.create(model=model, prompt="What is 2 + 2?", max_tokens=50)
        stream = await client.completions.create(model=model, prompt="What is 2 + 2?", max_tokens=50, stream=True)
        chunks = [chunk async for chunk in stream]
    assert whole.choices[0].text
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == whole.choices[0].text


async def test_models_are_listed_and_read(gateway: Gateway) -> None:
    model = await gateway.model()
    async with gateway.openai() as client:
        listed = [each.id async for each in client.models.list()]
        one = await client.models.retrieve(model)
    assert model in listed
    assert (one.id, one.object) == (model, "model")


@DIALECTS
async def test_a_response_is_answered_and_streamed(gateway: Gateway, dialect: Dialect) -> None:
    model = await gateway.model(dialect)
    async with gateway.openai() as client:
        whole = await client.responses.create(
            model=model, input="What is the capital of France?", instructions="Brief."
        )
        async with client.responses.stream(
            model=model, input="What is the capital of France?", instructions="Brief."
        ) as stream:
            deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
            final = await stream.get_final_response()
    assert whole.status == final.status == "completed"
    assert whole.output_text == final.output_text == "".join(deltas) != ""
    assert final.usage is not None
    assert final.usage.output_tokens > 0
    assert final.id.startswith("resp_")


async def test_a_responses_loop_of_tools_goes_round(gateway: Gateway) -> None:
    model = await gateway.model()
    history: ResponseInputParam = [{"role": "user", "content": CALL}]
    async with gateway.openai() as client:
        asked = await client.responses.create(model=model, input=history, tools=[WEATHER_FUNCTION])
        (call,) = [item for item in asked.output if item.type == "function_call"]
        assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Paris"})
        history += [item.model_dump(exclude_none=True) for item in asked.output]  # type: ignore[misc]  # the SDK's guide
        history.append({"type": "function_call_output", "call_id": call.call_id, "output": "rain in Paris"})
        told = await client.responses.create(model=model, input=history, tools=[WEATHER_FUNCTION])
    assert "rain in Paris" in told.output_text


async def test_a_responses_structured_output_is_parsed(gateway: Gateway) -> None:
    model = await gateway.model()
    async with gateway.openai() as client:
        answer = await client.responses.parse(model=model, input="What is the capital of France?", text_format=Capital)
    assert isinstance(answer.output_parsed, Capital)


@pytest.mark.parametrize("dialect", [Dialect.OPENAI, Dialect.ANTHROPIC])
async def test_thinking_is_an_item_of_a_response(gateway: Gateway, dialect: Dialect) -> None:
    model = await gateway.model(dialect)
    await gateway.fault(model, reasoning="I look for what it asks.")
    async with (
        gateway.openai() as client,
        client.responses.stream(
            model=model, input="Why?", reasoning={"effort": "high", "summary": "auto"}, max_output_tokens=4000
        ) as stream,
    ):
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert "response.reasoning_summary_text.delta" in kinds
    assert final.output[0].type == "reasoning"
    assert final.output[0].summary[0].text


@pytest.mark.parametrize(
    ("fault", "error", "status"),
    [
        ({"status": 400}, openai.BadRequestError, 400),
        ({"status": 401}, openai.InternalServerError, 502),
        ({"status": 500}, openai.InternalServerError, 502),
        ({"bad_json": True}, openai.InternalServerError, 502),
    ],
)
async def test_failures_of_the_provider_raise_the_sdks_errors(
    gateway: Gateway, fault: dict[str, Any], error: type[openai.APIStatusError], status: int
) -> None:
    model = await gateway.model()
    await gateway.fault(model, **fault)
    async with gateway.openai() as client:
        with pytest.raises(error) as raised:
            await client.chat.completions.create(model=model, messages=ASK)
    assert raised.value.status_code == status
    assert raised.value.response.headers["x-longhaul-request-id"].startswith("call_")


async def test_an_unknown_model_is_not_found(gateway: Gateway) -> None:
    async with gateway.openai() as client:
        with pytest.raises(openai.NotFoundError) as raised:
            await client.chat.completions.create(model="no-such-model", messages=ASK)
        with pytest.raises(openai.NotFoundError):
            await client.responses.create(model="no-such-model", input="x")
    assert raised.value.code == "model_not_found"
    assert raised.value.param == "model"


async def test_a_wrong_body_is_a_bad_request(gateway: Gateway) -> None:
    model = await gateway.model()
    async with gateway.openai() as client:
        with pytest.raises(openai.BadRequestError) as raised:
            await client.chat.completions.create(model=model, messages=[])
        with pytest.raises(openai.BadRequestError) as stateful:
            await client.responses.create(model=model, input="x", previous_response_id="resp_1")
    assert raised.value.param == "messages"
    assert stateful.value.param == "previous_response_id"


async def test_a_full_account_is_a_rate_limit_with_a_time_to_come_back(gateway: Gateway) -> None:
    model = await gateway.model(Dialect.OPENAI, Limit(kind=LimitKind.REQUESTS, amount=1, window_s=600))
    async with gateway.openai() as client:
        await client.chat.completions.create(model=model, messages=ASK)
        with pytest.raises(openai.RateLimitError) as raised:
            await client.chat.completions.create(model=model, messages=ASK)
    assert int(raised.value.response.headers["retry-after"]) > 0


async def test_an_answer_that_breaks_off_raises_an_error_of_the_sdk(gateway: Gateway) -> None:
    model = await gateway.model()
    await gateway.fault(model, cut_stream_after=2)
    async with gateway.openai() as client:
        stream = await client.chat.completions.create(model=model, messages=ASK, stream=True)
        with pytest.raises(openai.APIError):
            async for _ in stream:
                pass
        async with client.responses.stream(model=model, input="What is the capital of France?") as events:
            kinds = [event.type async for event in events]
    assert kinds[-1] == "response.failed"


async def test_the_same_key_gives_the_same_answer_without_a_second_call(gateway: Gateway) -> None:
    model = await gateway.model()
    async with gateway.openai() as client:
        answers = [
            await client.chat.completions.create(
                model=model, messages=ASK, extra_headers={"Idempotency-Key": f"sdk-{model}"}
            )
            for _ in range(2)
        ]
    assert answers[0] == answers[1]
    assert len(await gateway.product.with_model(model).calls()) == 1
