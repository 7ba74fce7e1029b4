"""The official OpenAI SDK against the simulator: what works there works with any client."""

import json
from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from simulators.model_provider.json_value import Json
from tests.simulators.served import Provider

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
ASK_WEATHER = 'Call get_weather with {"city": "Hanoi"}, please.'
PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture
def client(provider: Provider) -> Iterator[openai.OpenAI]:
    transport = openai.DefaultHttpxClient(trust_env=False, timeout=10)
    with openai.OpenAI(base_url=f"{provider.url}/v1", api_key="any", max_retries=0, http_client=transport) as client:
        yield client


def chat(client: openai.OpenAI, text: str = "What is 12*7?", **fields: Json) -> Json:
    create: Json = client.chat.completions.create
    fields.setdefault("model", "m")
    return create(messages=[{"role": "user", "content": text}], **fields)


def test_chat(client: openai.OpenAI) -> None:
    answer = chat(client)
    assert answer.choices[0].message.content == "12*7 = 84"
    assert answer.usage.total_tokens > 0
    assert answer.system_fingerprint == "longhaul-simulator"


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["longhaul-simulated"]
    assert client.models.retrieve("org/some-model").id == "org/some-model"


def test_streaming_with_usage(client: openai.OpenAI) -> None:
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "12*7 = 84"
    assert chunks[-1].usage.completion_tokens == 3


class Person(BaseModel):
    name: str
    age: int
    children: list["Person"]


def test_structured_output(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(
        model="m", messages=[{"role": "user", "content": "Who?"}], response_format=Person
    )
    assert answer.choices[0].message.parsed == Person(name="text", age=0, children=[])


def test_a_named_tool_is_called_and_its_answer_quoted(client: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": ASK_WEATHER}]
    asked = client.chat.completions.create(model="m", messages=messages, tools=[WEATHER])
    message = asked.choices[0].message
    (call,) = message.tool_calls or []
    assert (asked.choices[0].finish_reason, message.content) == ("tool_calls", None)
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Hanoi", "days": 1}
    answered: Json = [message.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": "22 degrees"}]
    last = client.chat.completions.create(model="m", messages=[*messages, *answered], tools=[WEATHER])
    assert last.choices[0].message.content == "get_weather answered: 22 degrees"
    assert last.usage is not None
    assert asked.usage is not None
    assert last.usage.prompt_tokens > asked.usage.prompt_tokens


def test_tool_calls_stream(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="m", messages=[{"role": "user", "content": ASK_WEATHER}], tools=[WEATHER]
    ) as stream:
        deltas = [event.arguments_delta for event in stream if event.type == "tool_calls.function.arguments.delta"]
        final = stream.get_final_completion()
    (call,) = final.choices[0].message.tool_calls or []
    assert len(deltas) > 1
    assert json.loads("".join(deltas)) == json.loads(call.function.arguments) == {"city": "Hanoi", "days": 1}
    assert final.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("given", ["", " with {no JSON", " with [1, 2]", ' with {"days": 0, "more": true}'])
def test_arguments_fit_the_schema_whatever_the_message_says(client: openai.OpenAI, given: str) -> None:
    (call,) = chat(client, f"Call get_weather{given}", tools=[WEATHER]).choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "text", "days": 1}


@pytest.mark.parametrize(
    ("choice", "named", "calls"),
    [("required", False, 1), ("none", True, 0), ("auto", False, 0), ("auto", True, 1)],
)
def test_the_choice_of_tools_is_kept(client: openai.OpenAI, choice: str, named: bool, calls: int) -> None:
    answer = chat(client, ASK_WEATHER if named else "Hello", tools=[WEATHER], tool_choice=choice)
    assert len(answer.choices[0].message.tool_calls or ()) == calls


def test_one_function_may_be_forced_among_several(client: openai.OpenAI) -> None:
    other = {"type": "function", "function": {"name": "other"}}
    forced = {"type": "function", "function": {"name": "other"}}
    answer = chat(client, ASK_WEATHER, tools=[WEATHER, other], tool_choice=forced)
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == ["other"]
    both = chat(client, "other and get_weather", tools=[WEATHER, other]).choices[0].message.tool_calls
    assert [call.function.name for call in both] == ["other", "get_weather"]
    assert len({call.id for call in both}) == 2
    single = chat(client, "other and get_weather", tools=[WEATHER, other], parallel_tool_calls=False)
    assert len(single.choices[0].message.tool_calls) == 1


def test_images_and_files_are_taken_and_counted(client: openai.OpenAI) -> None:
    def prompt_tokens(*parts: Json) -> int:
        content: Json = [{"type": "text", "text": "What is 2+3?"}, *parts]
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": content}])
        assert answer.choices[0].message.content == "2+3 = 5"
        assert answer.usage is not None
        return answer.usage.prompt_tokens

    bare = prompt_tokens()
    assert prompt_tokens({"type": "image_url", "image_url": {"url": PIXEL}}) == bare + 765
    assert prompt_tokens({"type": "file", "file": {"filename": "a.pdf", "file_data": "A" * 6400}}) == bare + 300
    assert prompt_tokens({"type": "file", "file": {"file_id": "file-1"}}) == bare + 765


def test_a_reasoning_model_thinks_first(client: openai.OpenAI) -> None:
    answer = chat(client, model="deepseek-reasoner")
    message = answer.choices[0].message
    assert (message.content, bool(message.reasoning_content)) == ("12*7 = 84", True)
    assert 0 < answer.usage.completion_tokens_details.reasoning_tokens < answer.usage.completion_tokens
    deltas = [chunk.choices[0].delta for chunk in chat(client, model="deepseek-reasoner", stream=True)]
    thought = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert thought == message.reasoning_content
    assert "".join(delta.content or "" for delta in deltas) == "12*7 = 84"


def test_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="m", prompt="What is 12*7?")
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("12*7 = 84", "stop")
    chunks = list(
        client.completions.create(
            model="m", prompt="What is 12*7?", stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "12*7 = 84"
    assert chunks[-1].usage == answer.usage
    cut = client.completions.create(model="m", prompt=[1, 2, 3], max_tokens=1)
    assert (cut.choices[0].finish_reason, cut.usage and cut.usage.prompt_tokens) == ("length", 3)


def test_embeddings(client: openai.OpenAI) -> None:
    def embed(inputs: Json, **fields: Json) -> list[Json]:
        create: Json = client.embeddings.create
        return [item.embedding for item in create(model="e", input=inputs, **fields).data]

    near, same, far = embed(["Cats eat fish.", "Cats eat fish.", "Interest rates rose again"])
    assert (len(near), near) == (1536, same)
    assert sum(value * value for value in near) == pytest.approx(1.0)
    assert dot(near, embed("A cat eats a fish")[0]) > 0.3 > dot(near, far)
    (small,) = embed("Cats eat fish.", dimensions=8, encoding_format="float")
    (packed,) = embed("Cats eat fish.", dimensions=8, encoding_format="base64")
    assert isinstance(packed, str)
    assert embed("Cats eat fish.", dimensions=8)[0] == pytest.approx(small, abs=1e-6)
    assert len(embed([[1, 2], [3]])) == 2
    assert client.embeddings.create(model="e", input=[1, 2, 3]).usage.prompt_tokens == 3


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_stop_texts_end_an_answer(client: openai.OpenAI) -> None:
    choice = chat(client, stop=[" = "]).choices[0]
    assert (choice.message.content, choice.finish_reason) == ("12*7", "stop")


def test_refusals_arrive_as_refusals(client: openai.OpenAI, provider: Provider) -> None:
    provider.fault({"refusal": {"text": "No.", "finish_reason": "content_filter"}})
    choice = chat(client).choices[0]
    assert (choice.message.content, choice.message.refusal, choice.finish_reason) == (None, "No.", "content_filter")
    chunks = list(chat(client, stream=True))
    assert "".join(chunk.choices[0].delta.refusal or "" for chunk in chunks) == "No."


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
def test_statuses_become_the_sdks_errors(
    client: openai.OpenAI, provider: Provider, status: int, error: type[openai.APIStatusError]
) -> None:
    provider.fault({"status": status, "headers": {"Retry-After": "7"}})
    with pytest.raises(error) as caught:
        chat(client)
    assert caught.value.response.headers["retry-after"] == "7"
    assert str(caught.value.request_id).startswith("sim_")


def test_an_error_inside_a_stream_is_an_error(client: openai.OpenAI, provider: Provider) -> None:
    provider.fault({"stream_error": {"after": 2, "status": 503}})
    pieces: list[str] = []
    with pytest.raises(openai.APIError, match="scripted status 503"):
        pieces.extend(chunk.choices[0].delta.content for chunk in chat(client, "Write a poem on ships", stream=True))
    assert len(pieces) == 3


def test_a_cut_stream_is_an_error_after_its_first_pieces(client: openai.OpenAI, provider: Provider) -> None:
    provider.fault({"cut_stream_after": 2})
    pieces: list[str] = []
    with pytest.raises(openai.APIConnectionError):
        pieces.extend(chunk.choices[0].delta.content for chunk in chat(client, "Write a poem on ships", stream=True))
    assert pieces[0] == ""
    assert len(pieces) == 3
    with pytest.raises(openai.APIConnectionError):
        chat(client)


def test_a_bad_event_is_an_error(client: openai.OpenAI, provider: Provider) -> None:
    provider.fault({"bad_json": True})
    with pytest.raises(ValueError, match=r"Invalid|Unterminated|Expecting"):
        list(chat(client, stream=True))


def test_a_hanging_server_times_out(client: openai.OpenAI, provider: Provider) -> None:
    provider.fault({"hang": True})
    with pytest.raises(openai.APITimeoutError):
        chat(client, timeout=0.2)
