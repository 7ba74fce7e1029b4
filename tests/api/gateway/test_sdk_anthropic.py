"""The unchanged `anthropic` SDK against the whole product: a worker, Temporal and the simulated provider."""

from typing import Any, cast

import anthropic
import pytest
from anthropic.types import Message, MessageParam, ToolParam

from domain.model_pool import Dialect, Limit, LimitKind
from tests.api.gateway.sdk import Gateway

ASK: list[MessageParam] = [{"role": "user", "content": "What is the capital of France?"}]
DIALECTS = pytest.mark.parametrize("dialect", list(Dialect))
WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "Tell the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALL = 'call get_weather {"city": "Paris"}'


@DIALECTS
async def test_a_message_is_answered(gateway: Gateway, dialect: Dialect) -> None:
    model = await gateway.model(dialect)
    async with gateway.anthropic() as client:
        answer = await client.messages.create(model=model, max_tokens=200, messages=ASK, system="Be brief.")
    assert answer.content[0].type == "text"
    assert answer.content[0].text
    assert (answer.stop_reason, answer.model, answer.role) == ("end_turn", model, "assistant")
    assert answer.usage.output_tokens > 0
    assert answer._request_id  # pyright: ignore[reportPrivateUsage]  # the SDK's documented name


@DIALECTS
async def test_a_message_is_streamed(gateway: Gateway, dialect: Dialect) -> None:
    model = await gateway.model(dialect)
    async with gateway.anthropic() as client:
        whole = await client.messages.create(model=model, max_tokens=200, messages=ASK)
        async with client.messages.stream(model=model, max_tokens=200, messages=ASK) as stream:
            texts = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
    assert final.content[0].type == "text"
    assert whole.content[0].type == "text"
    assert "".join(texts) == final.content[0].text == whole.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens > 0
    assert final.usage.input_tokens + (final.usage.cache_read_input_tokens or 0) > 0


@DIALECTS
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_loop_of_tools_goes_round(gateway: Gateway, dialect: Dialect, streamed: bool) -> None:
    model = await gateway.model(dialect)
    messages: list[MessageParam] = [{"role": "user", "content": CALL}]
    async with gateway.anthropic() as client:
        if streamed:
            async with client.messages.stream(
                model=model, max_tokens=200, messages=messages, tools=[WEATHER]
            ) as stream:
                asked: Any = await stream.get_final_message()
        else:
            asked = await client.messages.create(model=model, max_tokens=200, messages=messages, tools=[WEATHER])
        assert asked.stop_reason == "tool_use"
        (call,) = [block for block in asked.content if block.type == "tool_use"]
        assert (call.name, call.input) == ("get_weather", {"city": "Paris"})
        messages.append({"role": "assistant", "content": asked.content})
        messages.append(
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain in Paris"}],
            }
        )
        told = await client.messages.create(model=model, max_tokens=200, messages=messages, tools=[WEATHER])
    assert told.content[0].type == "text"
    assert "rain in Paris" in told.content[0].text


async def test_thinking_comes_back_signed_and_is_taken_again(gateway: Gateway) -> None:
    model = await gateway.model(Dialect.ANTHROPIC)
    messages: list[MessageParam] = [{"role": "user", "content": CALL}]
    asked: dict[str, Any] = {
        "model": model,
        "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "tools": [WEATHER],
    }
    async with gateway.anthropic() as client:
        async with client.messages.stream(messages=messages, **asked) as stream:
            told = [event.thinking async for event in stream if event.type == "thinking"]
            first = await stream.get_final_message()
        assert first.content[0].type == "thinking"
        assert first.content[0].thinking == "".join(told) != ""
        assert first.content[0].signature
        (call,) = [block for block in first.content if block.type == "tool_use"]
        messages.append({"role": "assistant", "content": first.content})
        messages.append(
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"}]}
        )
        answer = cast("Message", await client.messages.create(messages=messages, **asked))
    assert answer.stop_reason == "end_turn"


async def test_the_text_it_stopped_at_is_named(gateway: Gateway) -> None:
    model = await gateway.model(Dialect.ANTHROPIC)
    await gateway.fault(model, answer="one two STOP three")
    async with gateway.anthropic() as client:
        answer = await client.messages.create(model=model, max_tokens=50, messages=ASK, stop_sequences=["STOP"])
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "STOP")
    assert answer.content[0].type == "text"
    assert answer.content[0].text == "one two "


async def test_an_answer_at_its_bound_says_so(gateway: Gateway) -> None:
    model = await gateway.model()
    await gateway.fault(model, answer="word " * 100)
    async with gateway.anthropic() as client:
        answer = await client.messages.create(model=model, max_tokens=5, messages=ASK)
    assert answer.stop_reason == "max_tokens"


async def test_tokens_are_counted(gateway: Gateway) -> None:
    model = await gateway.model()
    async with gateway.anthropic() as client:
        few = await client.messages.count_tokens(model=model, messages=ASK)
        many = await client.messages.count_tokens(model=model, messages=ASK, tools=[WEATHER], system="x" * 300)
    assert 0 < few.input_tokens < many.input_tokens


@pytest.mark.parametrize(
    ("fault", "error", "status"),
    [
        ({"status": 400}, anthropic.BadRequestError, 400),
        ({"status": 401}, anthropic.InternalServerError, 502),
        ({"status": 500}, anthropic.InternalServerError, 502),
    ],
)
async def test_failures_of_the_provider_raise_the_sdks_errors(
    gateway: Gateway, fault: dict[str, Any], error: type[anthropic.APIStatusError], status: int
) -> None:
    model = await gateway.model(Dialect.ANTHROPIC)
    await gateway.fault(model, **fault)
    async with gateway.anthropic() as client:
        with pytest.raises(error) as raised:
            await client.messages.create(model=model, max_tokens=50, messages=ASK)
        with pytest.raises(anthropic.APIStatusError):
            async with client.messages.stream(model=model, max_tokens=50, messages=ASK) as stream:
                await stream.get_final_message()
    assert raised.value.status_code == status


async def test_unknown_models_wrong_bodies_and_full_accounts(gateway: Gateway) -> None:
    model = await gateway.model(Dialect.OPENAI, Limit(kind=LimitKind.REQUESTS, amount=1, window_s=600))
    async with gateway.anthropic() as client:
        with pytest.raises(anthropic.NotFoundError):
            await client.messages.create(model="no-such-model", max_tokens=50, messages=ASK)
        with pytest.raises(anthropic.BadRequestError) as wrong:
            await client.messages.create(model=model, max_tokens=0, messages=ASK)
        await client.messages.create(model=model, max_tokens=50, messages=ASK)
        with pytest.raises(anthropic.RateLimitError) as full:
            await client.messages.create(model=model, max_tokens=50, messages=ASK)
    assert "max_tokens: must be at least 1" in str(wrong.value)
    assert int(full.value.response.headers["retry-after"]) > 0


async def test_an_answer_that_breaks_off_raises_an_error_of_the_sdk(gateway: Gateway) -> None:
    model = await gateway.model()
    await gateway.fault(model, cut_stream_after=2)
    async with gateway.anthropic() as client:
        with pytest.raises(anthropic.APIStatusError):
            async with client.messages.stream(model=model, max_tokens=50, messages=ASK) as stream:
                await stream.get_final_message()
