"""The official Anthropic SDK against the simulator: what works there works with any client."""

from collections.abc import Iterator

import anthropic
import httpx2
import pytest
from anthropic.types import MessageParam, ToolParam
from pydantic import BaseModel

from simulators.model_provider.json_value import Json
from tests.simulators.served import Provider

WEATHER: ToolParam = {
    "name": "get_weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
}
ASK_WEATHER = 'Call get_weather with {"city": "Hanoi"}, please.'
PIXEL = "iVBORw0KGgo="
LONG = "Be kind. " * 600


@pytest.fixture
def client(provider: Provider) -> Iterator[anthropic.Anthropic]:
    transport = anthropic.DefaultHttpxClient(trust_env=False, timeout=10)
    with anthropic.Anthropic(
        base_url=f"{provider.url}/anthropic", api_key="any", max_retries=0, http_client=transport
    ) as client:
        yield client


def ask(client: anthropic.Anthropic, text: str = "What is 12*7?", **fields: Json) -> Json:
    create: Json = client.messages.create
    fields = {"model": "claude", "max_tokens": 2000} | fields
    return create(messages=[{"role": "user", "content": text}], **fields)


def test_a_message(client: anthropic.Anthropic) -> None:
    message = ask(client, system="Be brief.")
    assert [(block.type, block.text) for block in message.content] == [("text", "12*7 = 84")]
    assert (message.role, message.stop_reason, message.model) == ("assistant", "end_turn", "claude")
    assert (message.usage.output_tokens, message.usage.input_tokens > 3) == (3, True)
    assert message._request_id.startswith("sim_")


def test_a_stream(client: anthropic.Anthropic) -> None:
    text = "Write a poem about the sea and its ships"
    whole = ask(client, text)
    with client.messages.stream(
        model="claude", max_tokens=2000, messages=[{"role": "user", "content": text}]
    ) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(pieces) > 5
    assert "".join(pieces) == whole.content[0].text
    assert (final.content[0].type, final.stop_reason) == ("text", "end_turn")
    assert final.usage.output_tokens == whole.usage.output_tokens
    kinds = [event.type for event in ask(client, stream=True)]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_a_tool_is_called_and_its_answer_quoted(client: anthropic.Anthropic) -> None:
    messages: list[MessageParam] = [{"role": "user", "content": ASK_WEATHER}]
    asked = client.messages.create(model="claude", max_tokens=500, messages=messages, tools=[WEATHER])
    (call,) = asked.content
    assert call.type == "tool_use"
    assert (asked.stop_reason, call.name, call.input) == ("tool_use", "get_weather", {"city": "Hanoi", "days": 1})
    assert call.id.startswith("toolu_")
    answered: list[MessageParam] = [
        {"role": "assistant", "content": asked.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "22 degrees"}]},
    ]
    last = client.messages.create(model="claude", max_tokens=500, messages=[*messages, *answered], tools=[WEATHER])
    assert last.content[0].type == "text"
    assert last.content[0].text == "get_weather answered: 22 degrees"
    ask_again: list[MessageParam] = [answered[0], {"role": "user", "content": "Well?"}]
    with pytest.raises(anthropic.BadRequestError, match="tool_result"):
        client.messages.create(model="claude", max_tokens=500, messages=[*messages, *ask_again])


def test_tool_calls_stream(client: anthropic.Anthropic) -> None:
    with client.messages.stream(
        model="claude", max_tokens=500, messages=[{"role": "user", "content": ASK_WEATHER}], tools=[WEATHER]
    ) as stream:
        deltas = [event.partial_json for event in stream if event.type == "input_json"]
        final = stream.get_final_message()
    assert len(deltas) > 1
    assert final.content[0].type == "tool_use"
    assert final.content[0].input == {"city": "Hanoi", "days": 1}


@pytest.mark.parametrize(
    ("choice", "text", "calls"),
    [
        ({"type": "any"}, "Hello", 1),
        ({"type": "tool", "name": "get_weather"}, "Hello", 1),
        ({"type": "none"}, ASK_WEATHER, 0),
        ({"type": "auto"}, "Hello", 0),
    ],
)
def test_the_choice_of_tools_is_kept(client: anthropic.Anthropic, choice: Json, text: str, calls: int) -> None:
    message = ask(client, text, tools=[WEATHER], tool_choice=choice)
    assert sum(block.type == "tool_use" for block in message.content) == calls


def test_thinking_comes_first_and_is_signed(client: anthropic.Anthropic) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    message = ask(client, thinking=thinking)
    thought, said = message.content
    assert (thought.type, bool(thought.thinking), bool(thought.signature), said.text) == (
        "thinking",
        True,
        True,
        "12*7 = 84",
    )
    assert 0 < message.usage.output_tokens_details.thinking_tokens < message.usage.output_tokens
    with client.messages.stream(
        model="claude",
        max_tokens=2000,
        thinking={"type": "adaptive"},
        messages=[{"role": "user", "content": "What is 12*7?"}],
    ) as stream:
        final = stream.get_final_message()
    assert [block.to_dict() for block in final.content] == [thought.to_dict(), said.to_dict()]
    hidden = ask(client, thinking=thinking | {"display": "omitted"}).content[0]
    assert (hidden.thinking, hidden.signature) == ("", thought.signature)


def test_thinking_sent_back_must_be_what_was_signed(client: anthropic.Anthropic) -> None:
    thought = ask(client, thinking={"type": "adaptive"}).content[0].to_dict()

    def send_back(block: Json) -> Json:
        turns: Json = [
            {"role": "user", "content": "What is 12*7?"},
            {"role": "assistant", "content": [block, {"type": "text", "text": "84"}]},
            {"role": "user", "content": "What is 2+3?"},
        ]
        return client.messages.create(model="claude", max_tokens=2000, messages=turns)

    assert send_back(thought).content[0].text == "2+3 = 5"
    for wrong in ({"thinking": "something else"}, {"signature": "!"}, {"signature": None}):
        with pytest.raises(anthropic.BadRequestError, match="signature"):
            send_back(thought | wrong)


class Person(BaseModel):
    name: str
    age: int


def test_structured_output(client: anthropic.Anthropic) -> None:
    message = client.messages.parse(
        model="claude", max_tokens=500, messages=[{"role": "user", "content": "Who?"}], output_format=Person
    )
    assert message.parsed_output == Person(name="text", age=0)


def test_images_and_documents_are_taken_and_counted(client: anthropic.Anthropic) -> None:
    def count(*blocks: Json) -> int:
        content: Json = [{"type": "text", "text": "What is 2+3?"}, *blocks]
        return client.messages.count_tokens(
            model="claude", messages=[{"role": "user", "content": content}]
        ).input_tokens

    bare = count()
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    assert count({"type": "image", "source": source}) == bare + 765
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "A" * 6400}
    assert count({"type": "document", "source": pdf}) == bare + 300


def test_a_count_is_what_a_message_then_uses(client: anthropic.Anthropic) -> None:
    messages: list[MessageParam] = [{"role": "user", "content": "What is 12*7?"}]
    counted = client.messages.count_tokens(model="claude", messages=messages, tools=[WEATHER])
    assert counted.input_tokens == ask(client, tools=[WEATHER]).usage.input_tokens


def test_a_marked_prompt_is_written_to_the_cache_then_read_from_it(client: anthropic.Anthropic) -> None:
    system = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]
    written, read = (ask(client, model="cached", system=system).usage for _ in range(2))
    assert (written.cache_creation_input_tokens, written.cache_read_input_tokens) == (1280, 0)
    assert (read.cache_creation_input_tokens, read.cache_read_input_tokens) == (0, 1280)
    assert written.input_tokens == read.input_tokens < 100
    unmarked = ask(client, model="cached", system=LONG).usage
    assert (unmarked.cache_read_input_tokens, unmarked.input_tokens > 1280) == (0, True)


def test_reasons_to_stop(client: anthropic.Anthropic, provider: Provider) -> None:
    assert ask(client, max_tokens=1).stop_reason == "max_tokens"
    stopped = ask(client, stop_sequences=[" = "])
    assert (stopped.stop_reason, stopped.stop_sequence, stopped.content[0].text) == ("stop_sequence", " = ", "12*7")
    provider.fault({"finish_reason": "pause_turn"}, times=1)
    assert ask(client).stop_reason == "pause_turn"
    provider.fault({"refusal": True}, times=1)
    refused = ask(client)
    assert (refused.stop_reason, bool(refused.stop_details.explanation)) == ("refusal", True)
    provider.fault({"blocked": True}, times=1)
    blocked = ask(client)
    assert (blocked.stop_reason, blocked.content) == ("refusal", [])


def test_models(client: anthropic.Anthropic) -> None:
    assert [model.id for model in client.models.list()] == ["longhaul-simulated"]
    assert client.models.retrieve("claude").display_name == "claude"


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (402, anthropic.APIStatusError, "billing_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (413, anthropic.APIStatusError, "request_too_large"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
def test_statuses_become_the_sdks_errors(
    client: anthropic.Anthropic,
    provider: Provider,
    status: int,
    error: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    provider.fault({"status": status, "headers": {"Retry-After": "7"}})
    with pytest.raises(error) as caught:
        ask(client)
    assert (caught.value.status_code, caught.value.type) == (status, kind)
    assert caught.value.response.headers["retry-after"] == "7"
    assert str(caught.value.request_id).startswith("sim_")


def test_an_error_inside_a_stream_is_an_error(client: anthropic.Anthropic, provider: Provider) -> None:
    provider.fault({"stream_error": {"after": 1, "status": 529}})
    kinds: list[str] = []
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        kinds.extend(event.type for event in ask(client, stream=True))
    assert kinds == ["message_start", "content_block_start", "content_block_delta", "content_block_stop"]


@pytest.mark.parametrize("fault", [{"cut_stream_after": 1}, {"raw": {"body": "event: message_st", "end": "cut"}}])
def test_a_cut_stream_is_an_error(client: anthropic.Anthropic, provider: Provider, fault: Json) -> None:
    provider.fault(fault)
    with pytest.raises(httpx2.RemoteProtocolError):  # which this SDK lets through
        list(ask(client, "Write a poem on ships", stream=True))


def test_a_bad_event_is_an_error(client: anthropic.Anthropic, provider: Provider) -> None:
    provider.fault({"bad_json": True})
    with pytest.raises(ValueError, match=r"Invalid|Unterminated|Expecting"):
        list(ask(client, stream=True))


def test_a_hanging_server_times_out(client: anthropic.Anthropic, provider: Provider) -> None:
    provider.fault({"hang": True})
    with pytest.raises(anthropic.APITimeoutError):
        ask(client, timeout=0.2)
