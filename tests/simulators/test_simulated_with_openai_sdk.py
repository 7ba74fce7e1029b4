"""The official OpenAI SDK against the simulator: what works there works with any client."""

from collections.abc import Iterator

import openai
import pytest
from pydantic import BaseModel

from simulators.model_provider.json_value import Json
from tests.simulators.served import Provider


@pytest.fixture
def client(provider: Provider) -> Iterator[openai.OpenAI]:
    transport = openai.DefaultHttpxClient(trust_env=False, timeout=10)
    with openai.OpenAI(base_url=f"{provider.url}/v1", api_key="any", max_retries=0, http_client=transport) as client:
        yield client


def chat(client: openai.OpenAI, text: str = "What is 12*7?", **fields: Json) -> Json:
    create: Json = client.chat.completions.create
    return create(model="m", messages=[{"role": "user", "content": text}], **fields)


def test_chat(client: openai.OpenAI) -> None:
    answer = chat(client)
    assert answer.choices[0].message.content == "12*7 = 84"
    assert answer.usage.total_tokens > 0
    assert answer.system_fingerprint == "longhaul-simulator"
    assert [model.id for model in client.models.list()] == ["longhaul-simulated"]


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
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
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
