"""Google's official SDK against the simulator: what works there works with any client."""

import base64
from collections.abc import Iterator
from typing import cast

import pytest
from google.genai import Client, errors, types
from pydantic import BaseModel

from simulators.model_provider.json_value import Json
from tests.simulators.served import Provider

MODEL = "gemini-simulated"
WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather",
            parameters=types.Schema(
                type=types.Type.OBJECT,
                properties={
                    "city": types.Schema(type=types.Type.STRING),
                    "days": types.Schema(type=types.Type.INTEGER, minimum=1),
                },
                required=["city", "days"],
            ),
        )
    ]
)
ASK_WEATHER = 'Call get_weather with {"city": "Hanoi"}, please.'
PIXEL = base64.b64decode("iVBORw0KGgo=")
LONG = "Be kind. " * 600


@pytest.fixture
def client(provider: Provider) -> Iterator[Client]:
    options = types.HttpOptions(
        base_url=f"{provider.url}/gemini", timeout=10_000, client_args={"trust_env": False, "timeout": 10.0}
    )
    with Client(api_key="any", http_options=options) as client:
        yield client


def ask(client: Client, contents: Json = "What is 12*7?", **config: Json) -> types.GenerateContentResponse:
    return client.models.generate_content(model=MODEL, contents=contents, config=types.GenerateContentConfig(**config))


def first(response: types.GenerateContentResponse) -> types.Candidate:
    assert response.candidates
    return response.candidates[0]


def parts(response: types.GenerateContentResponse) -> list[types.Part]:
    content = first(response).content
    return (content and content.parts) or []


def usage(response: types.GenerateContentResponse) -> types.GenerateContentResponseUsageMetadata:
    assert response.usage_metadata is not None
    return response.usage_metadata


def test_content(client: Client) -> None:
    answer = ask(client, system_instruction="Be brief.")
    assert (answer.text, first(answer).finish_reason) == ("12*7 = 84", types.FinishReason.STOP)
    assert (answer.model_version, bool(answer.response_id)) == (MODEL, True)
    told = usage(answer)
    assert told.candidates_token_count == 3
    assert told.total_token_count == (told.prompt_token_count or 0) + 3


def test_a_stream(client: Client) -> None:
    text = "Write a poem about the sea and its ships"
    whole = ask(client, text)
    chunks = list(client.models.generate_content_stream(model=MODEL, contents=text))
    assert len(chunks) > 5
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert [first(chunk).finish_reason for chunk in chunks][-2:] == [None, types.FinishReason.STOP]
    assert usage(chunks[-1]) == usage(whole)


def test_a_function_is_called_and_its_answer_quoted(client: Client) -> None:
    asked = ask(client, ASK_WEATHER, tools=[WEATHER])
    (call,) = asked.function_calls or []
    assert (call.name, call.args) == ("get_weather", {"city": "Hanoi", "days": 1})
    answered = types.Part.from_function_response(name="get_weather", response={"result": "22 degrees"})
    turns = [
        types.UserContent(ASK_WEATHER),
        first(asked).content,
        types.UserContent([answered]),
    ]
    assert ask(client, turns, tools=[WEATHER]).text == "get_weather answered: 22 degrees"
    with pytest.raises(errors.ClientError, match="number of function response parts"):
        ask(client, [types.UserContent(ASK_WEATHER), types.UserContent([answered])], tools=[WEATHER])


def test_function_calls_stream(client: Client) -> None:
    config = types.GenerateContentConfig(tools=[WEATHER])
    chunks = list(client.models.generate_content_stream(model=MODEL, contents=ASK_WEATHER, config=config))
    calls = [call for chunk in chunks for call in chunk.function_calls or ()]
    assert [(call.name, call.args) for call in calls] == [("get_weather", {"city": "Hanoi", "days": 1})]


@pytest.mark.parametrize(
    ("mode", "text", "calls"), [("ANY", "Hello", 1), ("NONE", ASK_WEATHER, 0), ("AUTO", "Hello", 0)]
)
def test_the_mode_of_calling_is_kept(client: Client, mode: str, text: str, calls: int) -> None:
    config = types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode(mode))
    )
    answer = ask(client, text, tools=[WEATHER], tool_config=config)
    assert len(answer.function_calls or ()) == calls


def test_thoughts_come_first_where_they_are_asked_for(client: Client) -> None:
    thinking = types.ThinkingConfig(include_thoughts=True)
    shown = ask(client, thinking_config=thinking)
    hidden = ask(client, thinking_config=types.ThinkingConfig(thinking_budget=512))
    thought, said = parts(shown)
    assert (thought.thought, bool(thought.text), said.text) == (True, True, "12*7 = 84")
    assert said.thought_signature
    assert [part.text for part in parts(hidden)] == ["12*7 = 84"]
    assert (usage(shown).thoughts_token_count or 0) > 0
    assert usage(shown).thoughts_token_count == usage(hidden).thoughts_token_count
    config = types.GenerateContentConfig(thinking_config=thinking)
    streamed = [
        part
        for chunk in client.models.generate_content_stream(model=MODEL, contents="What is 12*7?", config=config)
        for part in parts(chunk)
    ]
    assert "".join(part.text or "" for part in streamed if part.thought) == thought.text
    assert streamed[-1].thought_signature == said.thought_signature
    assert ask(client, thinking_config=types.ThinkingConfig(thinking_budget=0)).usage_metadata == usage(ask(client))


def test_a_call_after_a_thought_is_signed(client: Client) -> None:
    answer = ask(client, ASK_WEATHER, tools=[WEATHER], thinking_config=types.ThinkingConfig(include_thoughts=True))
    thought, call = parts(answer)
    assert (thought.thought, call.function_call is not None, bool(call.thought_signature)) == (True, True, True)


class Person(BaseModel):
    name: str
    age: int | None


def test_structured_output(client: Client) -> None:
    answer = ask(client, "Who?", response_mime_type="application/json", response_schema=Person)
    assert isinstance(answer.parsed, Person)
    assert answer.parsed.name == "text"
    by_schema = ask(
        client, "Who?", response_mime_type="application/json", response_json_schema=Person.model_json_schema()
    )
    assert Person.model_validate_json(by_schema.text or "").name == "text"
    assert ask(client, response_mime_type="application/json").text == '{"answer": "12*7 = 84"}'


def test_images_and_files_are_taken_and_counted(client: Client) -> None:
    def count(*attached: types.Part) -> int:
        content = types.UserContent([types.Part(text="What is 2+3?"), *attached])
        return client.models.count_tokens(model=MODEL, contents=content).total_tokens or 0

    bare = count()
    assert count(types.Part.from_bytes(data=PIXEL, mime_type="image/png")) == bare + 765
    assert count(types.Part.from_bytes(data=b"A" * 4800, mime_type="application/pdf")) == bare + 300
    assert count(types.Part.from_uri(file_uri="https://example.com/a.png", mime_type="image/png")) == bare + 765


def test_a_long_prompt_is_read_from_the_cache_the_second_time(client: Client) -> None:
    first_use, second_use = (usage(ask(client, system_instruction=LONG)) for _ in range(2))
    assert (first_use.cached_content_token_count, second_use.cached_content_token_count) == (None, 1280)
    assert first_use.prompt_token_count == second_use.prompt_token_count


def test_embeddings(client: Client) -> None:
    def embed(contents: Json, **config: Json) -> list[list[float]]:
        answer = client.models.embed_content(
            model="embedding", contents=contents, config=types.EmbedContentConfig(**config)
        )
        return [embedding.values or [] for embedding in answer.embeddings or ()]

    one, other = embed(["Cats eat fish.", "Interest rates rose again"])
    assert (len(one), one != other) == (1536, True)
    assert [len(vector) for vector in embed("Cats", output_dimensionality=8)] == [8]


def test_reasons_to_finish(client: Client, provider: Provider) -> None:
    assert first(ask(client, max_output_tokens=1)).finish_reason is types.FinishReason.MAX_TOKENS
    assert ask(client, stop_sequences=[" = "]).text == "12*7"
    provider.fault({"refusal": True}, times=1)
    refused = first(ask(client))
    assert (refused.finish_reason, refused.content) == (types.FinishReason.SAFETY, None)
    provider.fault({"finish_reason": "RECITATION"}, times=1)
    assert first(ask(client)).finish_reason is types.FinishReason.RECITATION
    provider.fault({"blocked": True}, times=1)
    feedback = ask(client).prompt_feedback
    assert feedback is not None
    assert feedback.block_reason is types.BlockedReason.SAFETY


def test_models(client: Client) -> None:
    assert [model.name for model in client.models.list()] == ["models/longhaul-simulated"]
    assert client.models.get(model=MODEL).name == f"models/{MODEL}"


@pytest.mark.parametrize(
    ("status", "error", "word"),
    [
        (400, errors.ClientError, "INVALID_ARGUMENT"),
        (401, errors.ClientError, "UNAUTHENTICATED"),
        (403, errors.ClientError, "PERMISSION_DENIED"),
        (404, errors.ClientError, "NOT_FOUND"),
        (429, errors.ClientError, "RESOURCE_EXHAUSTED"),
        (500, errors.ServerError, "INTERNAL"),
        (503, errors.ServerError, "UNAVAILABLE"),
    ],
)
def test_statuses_become_the_sdks_errors(
    client: Client, provider: Provider, status: int, error: type[errors.APIError], word: str
) -> None:
    provider.fault({"status": status, "headers": {"Retry-After": "7"}})
    with pytest.raises(error) as caught:
        ask(client)
    assert (caught.value.code, caught.value.status) == (status, word)
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
    assert cast("Json", caught.value.details)["error"]["details"] == [retry]


def test_an_error_inside_a_stream_is_an_error(client: Client, provider: Provider) -> None:
    provider.fault({"stream_error": {"after": 1, "status": 503}})
    texts: list[str | None] = []
    with pytest.raises(errors.ServerError, match="UNAVAILABLE"):
        texts.extend(chunk.text for chunk in client.models.generate_content_stream(model=MODEL, contents="Hello you"))
    assert len(texts) == 1


def test_a_bad_event_is_an_error(client: Client, provider: Provider) -> None:
    provider.fault({"bad_json": True})
    with pytest.raises(errors.UnknownApiResponseError):
        list(client.models.generate_content_stream(model=MODEL, contents="Hello"))
