"""What every adapter promises, against the simulated provider over HTTP in its own dialect."""

import asyncio
import base64
import json
import secrets
import struct
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import httpx
import jsonschema
import pytest
import pytest_asyncio

from domain.content import RESULT_LIMIT
from domain.errors import (
    ModelAnswerInvalid,
    ModelCredentialDead,
    ModelError,
    ModelRejected,
    ModelThrottled,
    ModelUnavailable,
)
from domain.model_pool import Dialect
from services.llm.chat import Adapter, ChatRequest, Target
from tests.llm.adapters.asking import Adapters, Heard, chat_request, hear, plain_request, target, task

OPENAI, ANTHROPIC, GEMINI = Dialect
EMBEDS = [OPENAI, GEMINI]
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
PDF = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.4").decode()
LONG = "You answer briefly, in plain words, and never guess. " * 400


def tool(name: str) -> dict[str, Any]:
    """Return a tool that takes a city."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"type": "function", "function": {"name": name, "description": f"The {name}.", "parameters": schema}}


TOOLS = [tool("get_weather"), tool("get_time")]


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


@dataclass(frozen=True)
class Conversation:
    """One adapter before the simulator, with a model of its own so that tests may run side by side."""

    adapter: Adapter
    target: Target
    model: str
    control: httpx.AsyncClient

    async def fault(self, **fault: Any) -> None:
        """Add a fault for this model."""
        rule = {"match": {"model": self.model}, "fault": fault}
        (await self.control.post("/__sim/faults", json=rule)).raise_for_status()

    async def calls(self) -> list[dict[str, Any]]:
        """Return what the simulator logged for this model."""
        answer = await self.control.get("/__sim/calls", params={"model": self.model})
        calls: list[dict[str, Any]] = answer.raise_for_status().json()["calls"]
        return calls

    async def ask(self, content: Any = "Tell me about turtles.", *, most: int | None = 1000, **body: Any) -> Heard:
        """Ask one question."""
        return await self.say([user(content)], most=most, **body)

    async def say(self, messages: list[dict[str, Any]], *, most: int | None = 1000, **body: Any) -> Heard:
        """Send messages."""
        return await self.send(chat_request(self.model, most=most, messages=messages, **body))

    async def send(self, request: ChatRequest) -> Heard:
        """Send a request."""
        return await hear(self.adapter, self.target, replace(request, model=self.model))


@pytest_asyncio.fixture(params=list(Dialect))
async def talk(request: pytest.FixtureRequest, adapters: Adapters, simulator: str) -> AsyncIterator[Conversation]:
    """A conversation in each dialect."""
    dialect: Dialect = request.param
    url = simulator.removesuffix("/v1")
    model = f"sim-{secrets.token_hex(6)}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as control:
        yield Conversation(adapters[dialect], target(url, dialect), model, control)


async def test_an_answer_comes_in_chunks_that_make_it_whole(talk: Conversation) -> None:
    heard = await talk.ask()
    assert "turtles" in heard.text.lower()
    assert heard.message["role"] == "assistant"
    assert heard.message["content"] == heard.text
    assert (heard.finish_reason, heard.choice["finish_reason"], heard.refused) == ("stop", "stop", False)
    assert sum(1 for delta in heard.deltas if delta["choices"][0]["delta"].get("content")) > 1
    envelope = {"id", "object", "created", "model", "usage"}
    assert not any(envelope & delta.keys() for delta in heard.deltas)


async def test_usage_is_told_once_and_is_the_simulators(talk: Conversation) -> None:
    heard = await talk.ask()
    (call,) = await talk.calls()
    assert heard.usage is not None
    assert heard.usage.input_tokens == call["usage"]["prompt_tokens"] > 0
    assert heard.usage.output_tokens == call["usage"]["completion_tokens"] > 0
    assert not heard.usage.estimated


async def test_the_first_chunk_has_the_answers_headers(talk: Conversation) -> None:
    first = (await talk.ask()).chunks[0]
    assert first.told is not None
    assert "content-type" in first.told
    assert not first.text


async def test_what_was_read_from_the_cache_is_part_of_the_input(talk: Conversation) -> None:
    system = {"role": "system", "content": f"{talk.model} {LONG}", "cache_control": {"type": "ephemeral"}}
    first = await talk.say([system, user("One?")])
    second = await talk.say([system, user("Two?")])
    assert first.usage is not None
    assert second.usage is not None
    assert first.usage.cached_tokens == 0
    assert 0 < second.usage.cached_tokens < second.usage.input_tokens
    assert abs(first.usage.input_tokens - second.usage.input_tokens) < 10


async def test_thoughts_are_told_apart_counted_and_can_be_sent_back(talk: Conversation) -> None:
    talk = replace(talk, model=f"{talk.model}-reasons")
    heard = await talk.ask(reasoning_effort="low", most=4000)
    assert heard.message["reasoning_content"]
    assert heard.message["reasoning_content"] not in heard.text
    assert heard.usage is not None
    assert 0 < heard.usage.reasoning_tokens < heard.usage.output_tokens
    again = await talk.say([user("Turtles?"), heard.message, user("And tortoises?")], most=4000)
    assert again.text


async def test_a_tool_is_called_answered_and_quoted(talk: Conversation) -> None:
    asked = user('Use get_weather {"city": "Valletta"}.')
    heard = await talk.say([asked], tools=TOOLS)
    (call,) = heard.message["tool_calls"]
    assert heard.finish_reason == "tool_calls"
    assert call["id"]
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Valletta"}
    answered = {"role": "tool", "tool_call_id": call["id"], "content": "sunny and 31 degrees"}
    quoted = await talk.say([asked, heard.message, answered], tools=TOOLS)
    assert "sunny and 31 degrees" in quoted.text
    assert quoted.finish_reason == "stop"


async def test_tools_are_called_side_by_side(talk: Conversation) -> None:
    asked = user('Use get_weather {"city": "Valletta"} and get_time {"city": "Hanoi"}.')
    heard = await talk.say([asked], tools=TOOLS)
    first, second = heard.message["tool_calls"]
    assert first["id"] != second["id"]
    assert [call["function"]["name"] for call in (first, second)] == ["get_weather", "get_time"]
    ids = [call["id"] for call in (first, second)]
    results = [{"role": "tool", "tool_call_id": call_id, "content": f"answer {call_id}"} for call_id in ids]
    quoted = await talk.say([asked, heard.message, *results], tools=TOOLS)
    assert all(f"answer {call_id}" in quoted.text for call_id in ids)


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ("auto", None),
        ("none", None),
        ("required", "get_weather"),
        ({"type": "function", "function": {"name": "get_time"}}, "get_time"),
    ],
)
async def test_the_choice_of_tools_is_kept(talk: Conversation, choice: Any, name: str | None) -> None:
    heard = await talk.ask(tools=TOOLS, tool_choice=choice)
    assert [call["function"]["name"] for call in heard.message.get("tool_calls", [])] == ([name] if name else [])


async def test_an_answer_has_the_schema_that_was_asked_for(talk: Conversation) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "why": {"type": "string"}},
        "required": ["ok", "why"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema, "strict": True}}
    heard = await talk.ask(response_format=form)
    jsonschema.validate(json.loads(heard.text), schema)
    assert heard.finish_reason == "stop"


async def test_json_without_a_schema_and_tasks_of_our_own_are_answered_in_json(talk: Conversation) -> None:
    own = task()
    assert own.json_schema is not None
    jsonschema.validate(json.loads((await talk.send(own)).text), dict(own.json_schema.schema))
    heard = await talk.ask("Say JSON.", response_format={"type": "json_object"})
    assert heard.text


async def test_images_and_files_are_taken(talk: Conversation) -> None:
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": "Tell me about turtles in these."},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "image_url", "image_url": {"url": "https://example.org/turtle.png"}},
        {"type": "file", "file": {"filename": "turtles.pdf", "file_data": PDF}},
    ]
    with_all, without = await talk.ask(parts), await talk.ask(parts[0]["text"])
    assert "turtles" in with_all.text.lower()
    assert with_all.usage is not None
    assert without.usage is not None
    assert with_all.usage.input_tokens > without.usage.input_tokens


async def test_the_bound_on_tokens_and_the_texts_that_stop_are_kept(talk: Conversation) -> None:
    short = await talk.ask(most=2)
    assert short.finish_reason == "length"
    assert short.usage is not None
    assert short.usage.output_tokens == 2
    await talk.fault(answer="one two three four")
    stopped = await talk.ask(stop=["three"])
    assert (stopped.text.strip(), stopped.finish_reason) == ("one two", "stop")


async def test_settings_of_the_model_are_taken_and_what_is_not_known_does_no_harm(talk: Conversation) -> None:
    heard = await talk.ask(temperature=1.5, top_p=0.9, seed=7, user="u1", presence_penalty=0.1, logit_bias={})
    assert heard.text


async def test_a_conversation_of_many_turns_is_taken(talk: Conversation) -> None:
    turns = [user("Hi."), {"role": "assistant", "content": "Hello."}] * 50
    heard = await talk.say([{"role": "developer", "content": "Be brief."}, *turns, user("Tell me about turtles.")])
    assert "turtles" in heard.text.lower()


@pytest.mark.parametrize("text", ["", "Ünïcödé 漢字 🐢", "a\0b", "line\nline\r\n\ttab \u2028 end", "data: [DONE]\n\n"])
async def test_texts_come_out_as_they_went_in(talk: Conversation, text: str) -> None:
    await talk.fault(answer=text)
    assert (await talk.ask()).text == text.replace("\0", "\ufffd")


async def test_a_refusal_is_an_answer_that_says_so(talk: Conversation) -> None:
    await talk.fault(refusal={"text": "No.", "finish_reason": "content_filter"})
    heard = await talk.ask()
    assert heard.refused
    assert heard.finish_reason in ("stop", "content_filter")


async def test_a_blocked_prompt_is_refused(talk: Conversation) -> None:
    await talk.fault(blocked=True)
    heard = await talk.ask()
    assert heard.refused
    assert heard.finish_reason == "content_filter"


@pytest.mark.parametrize("usage", ["missing", "negative"])
async def test_a_wrong_usage_is_none(talk: Conversation, usage: str) -> None:
    await talk.fault(wrong_usage=usage)
    heard = await talk.ask()
    assert heard.text
    assert heard.usage is None


async def test_a_huge_usage_is_told_or_none(talk: Conversation) -> None:
    await talk.fault(wrong_usage="huge")
    usage = (await talk.ask()).usage
    assert usage is None or usage.input_tokens > 10**6


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ModelRejected),
        (401, ModelCredentialDead),
        (402, ModelCredentialDead),
        (403, ModelCredentialDead),
        (404, ModelRejected),
        (413, ModelRejected),
        (429, ModelThrottled),
        (500, ModelUnavailable),
        (503, ModelUnavailable),
        (529, ModelThrottled),
    ],
)
async def test_each_status_with_its_own_envelope_is_its_error(
    talk: Conversation, status: int, kind: type[ModelError]
) -> None:
    await talk.fault(status=status)
    with pytest.raises(ModelError) as caught:
        await talk.ask()
    assert type(caught.value) is kind
    assert len(await talk.calls()) == 1


async def test_the_providers_delay_is_kept(talk: Conversation) -> None:
    await talk.fault(status=429, headers={"retry-after": "3"})
    with pytest.raises(ModelThrottled) as caught:
        await talk.ask()
    assert caught.value.retry_after_s == 3


@pytest.mark.parametrize(("status", "kind"), [(503, ModelUnavailable), (429, ModelThrottled), (529, ModelThrottled)])
@pytest.mark.parametrize("after", [0, 2])
async def test_an_error_in_mid_stream_is_its_error(
    talk: Conversation, status: int, kind: type[ModelError], after: int
) -> None:
    await talk.fault(stream_error={"after": after, "status": status})
    with pytest.raises(ModelError) as caught:
        await talk.ask()
    assert type(caught.value) in (kind, ModelUnavailable)
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"cut_stream_after": 0}, ModelUnavailable),
        ({"cut_stream_after": 3}, ModelUnavailable),
        ({"bad_json": True}, ModelAnswerInvalid),
        ({"status": 503, "body": "<html>"}, ModelUnavailable),
        ({"status": 200, "body": "{not json"}, ModelAnswerInvalid),
        ({"status": 302, "headers": {"location": "http://169.254.169.254/"}}, ModelRejected),
        ({"raw": {"body": "<html>", "headers": {"content-type": "text/html"}}}, ModelAnswerInvalid),
        ({"raw": {"body": "data: ", "end": "cut", "headers": {"content-type": "text/event-stream"}}}, ModelUnavailable),
    ],
)
async def test_each_fault_is_its_error(talk: Conversation, fault: dict[str, Any], kind: type[ModelError]) -> None:
    await talk.fault(**fault)
    with pytest.raises(ModelError) as caught:
        await talk.ask()
    assert type(caught.value) is kind
    assert len(str(caught.value)) < 200


async def test_an_answer_of_the_greatest_size_is_taken(talk: Conversation) -> None:
    await talk.fault(repeat_bytes=RESULT_LIMIT)
    assert len((await talk.ask(most=RESULT_LIMIT)).text) == RESULT_LIMIT


async def test_silence_is_bounded(talk: Conversation) -> None:
    await talk.fault(hang_after=1)
    impatient = replace(talk, target=replace(talk.target, silence_s=0.2))
    with pytest.raises(ModelUnavailable):
        await impatient.ask()


async def test_a_caller_who_leaves_ends_the_call_at_the_provider(talk: Conversation) -> None:
    await talk.fault(hang_after=2)
    async with aclosing(talk.adapter.chat(talk.target, chat_request(talk.model))) as chunks:
        async for chunk in chunks:
            if chunk.text:
                break
    async with asyncio.timeout(5):
        while not (await talk.calls())[0]["aborted"]:
            await asyncio.sleep(0.02)


async def test_the_idempotency_key_arrives(talk: Conversation) -> None:
    await talk.send(replace(chat_request(), idempotency_key="call/1"))
    (call,) = await talk.calls()
    assert call["idempotency_key"] == "call/1"


async def test_a_scripted_call_of_a_tool_is_relayed(talk: Conversation) -> None:
    await talk.fault(tool_call={"name": "get_weather", "arguments": {"city": "Ħamrun", "deep": {"x": [1, None]}}})
    heard = await talk.ask(tools=TOOLS)
    (call,) = heard.message["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"city": "Ħamrun", "deep": {"x": [1, None]}}


async def test_models_are_listed(talk: Conversation) -> None:
    assert "longhaul-simulated" in await talk.adapter.models(talk.target)


async def test_calls_side_by_side_do_not_mix(talk: Conversation) -> None:
    answers = await asyncio.gather(*(talk.ask(f"Repeat: number-{place}") for place in range(20)))
    assert all(f"number-{place}" in answer.text for place, answer in enumerate(answers))


async def test_embeddings_have_one_vector_for_each_text(talk: Conversation) -> None:
    request = plain_request(talk.model, input=["turtles", "tortoises"], dimensions=16)
    if talk.target.dialect not in EMBEDS:
        with pytest.raises(ModelRejected):
            await talk.adapter.embed(talk.target, request)
        return
    answer = await talk.adapter.embed(talk.target, request)
    assert [item["index"] for item in answer.body["data"]] == [0, 1]
    vectors = [item["embedding"] for item in answer.body["data"]]
    assert [len(vector) for vector in vectors] == [16, 16]
    assert answer.usage is not None
    assert answer.usage.input_tokens > 0
    packed = await talk.adapter.embed(
        talk.target, plain_request(talk.model, input="turtles", dimensions=16, encoding_format="base64")
    )
    floats = struct.unpack("<16f", base64.b64decode(packed.body["data"][0]["embedding"]))
    assert floats == pytest.approx(vectors[0], abs=1e-6)


async def test_a_completion_continues_a_text(talk: Conversation) -> None:
    request = plain_request(talk.model, prompt="Tell me about turtles.", max_tokens=50)
    if talk.target.dialect is not OPENAI:
        with pytest.raises(ModelRejected):
            await talk.adapter.complete(talk.target, request)
        return
    answer = await talk.adapter.complete(talk.target, request)
    assert "turtles" in answer.body["choices"][0]["text"].lower()
    assert "model" not in answer.body
    assert answer.usage is not None
    assert answer.usage.output_tokens > 0
