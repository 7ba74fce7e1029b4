"""The OpenAI API: what is sent is the caller's, and what comes is passed on as it came."""

import json
from typing import Any

import pytest

from domain.budget import Usage
from domain.errors import ModelAnswerInvalid, ModelRejected
from domain.model_pool import Dialect
from services.llm.adapters.openai_api.chunks import ChunkReader
from services.llm.adapters.openai_api.request import Terms, body
from services.llm.adapters.openai_api.usage import read_usage
from tests.llm.adapters.asking import (
    HELLO,
    Adapters,
    Heard,
    chat_request,
    hear,
    heard_from,
    plain_request,
    target,
    task,
)
from tests.llm.adapters.raw_server import events, raw_server, reply, stream
from tests.llm.adapters.said import hello, openai_piece

OPENAI = Dialect.OPENAI
OK = stream(events(*hello(OPENAI)))


def refusal(message: str) -> bytes:
    return reply(400, {"error": {"message": message, "type": "invalid_request_error"}})


def read(*said: Any) -> Heard:
    reader = ChunkReader()
    chunks = [reader.read(event if isinstance(event, bytes) else json.dumps(event).encode()) for event in said]
    return Heard([chunk for chunk in chunks if chunk is not None])


async def test_the_callers_body_is_relayed_with_what_is_ours_to_set(adapters: Adapters) -> None:
    theirs: dict[str, Any] = {
        "temperature": 0.5,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}, "cache_control": {"x": 1}}],
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}], "x": None}],
        "brand_new_field": {"deep": [1, None]},
        "n": 2,
    }
    ours: dict[str, Any] = {
        "stream": False,
        "stream_options": {"x": 1},
        "model": "evil",
        "max_completion_tokens": 9,
        "anthropic": {},
    }
    async with raw_server(OK) as server:
        await heard_from(adapters, server.url, OPENAI, chat_request("m", most=7, **theirs, **ours))
    (asked,) = server.asked
    assert asked.line == "POST /v1/chat/completions HTTP/1.1"
    assert asked.json == {
        **theirs,
        "model": "m",
        "max_tokens": 7,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_no_bound_is_sent_where_the_caller_set_none() -> None:
    assert "max_tokens" not in json.loads(body(chat_request(most=None), Terms()))


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), {1, 2}, object()])
def test_what_is_no_json_is_not_sent(odd: Any) -> None:
    with pytest.raises(ModelRejected):
        body(chat_request(seed=odd), Terms())


async def test_structured_output_of_our_own_falls_back_and_is_remembered(adapters: Adapters) -> None:
    no = refusal("response_format json_schema is not supported")
    async with raw_server(no, no, OK) as server:
        for _ in range(2):
            await heard_from(adapters, server.url, OPENAI, task())
    first, second, third, again = (asked.json for asked in server.asked)
    assert first["response_format"]["json_schema"]["schema"]["properties"]["ok"]
    assert second["response_format"] == {"type": "json_object"}
    assert "response_format" not in third
    assert first["messages"][0]["content"] == "Judge."
    assert '"ok"' in second["messages"][0]["content"]
    assert again == third
    assert [message["role"] for message in third["messages"]] == ["system", "user"]


async def test_structured_output_of_a_caller_is_not_weakened(adapters: Adapters) -> None:
    schema: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    async with raw_server(refusal("response_format is not supported"), OK) as server:
        with pytest.raises(ModelRejected):
            await heard_from(adapters, server.url, OPENAI, chat_request(response_format=schema))
    assert len(server.asked) == 1


async def test_the_other_name_of_the_bound_and_no_stream_options_are_tried(adapters: Adapters) -> None:
    name = refusal("'max_tokens' is not supported, use 'max_completion_tokens' instead")
    async with raw_server(name, refusal("unknown field stream_options"), OK) as server:
        await heard_from(adapters, server.url, OPENAI)
        await heard_from(adapters, server.url, OPENAI, chat_request("another"))
    assert (server.asked[2].json["max_completion_tokens"], "stream_options" in server.asked[2].json) == (1000, False)
    assert "max_tokens" in server.asked[3].json


async def test_what_other_apis_left_in_the_conversation_is_taken_out_where_it_is_refused(adapters: Adapters) -> None:
    call: dict[str, Any] = {"id": "c", "function": {"name": "f", "arguments": "{}"}, "extra_content": {}}
    part: dict[str, Any] = {"type": "text", "text": "Hello", "cache_control": {}}
    thought: dict[str, Any] = {
        "role": "assistant",
        "content": None,
        "thinking_blocks": [],
        "tool_calls": [call],
        "refusal": None,
    }
    messages = [{"role": "user", "content": [part]}, thought]
    tools: list[Any] = [{"type": "function", "function": {"name": "f"}, "cache_control": {}}]
    async with raw_server(refusal("Unknown parameter: 'messages[1].thinking_blocks'"), OK) as server:
        await heard_from(adapters, server.url, OPENAI, chat_request(messages=messages, tools=tools))
        await heard_from(adapters, server.url, OPENAI, chat_request(messages=messages))
    first, second, third = (asked.json for asked in server.asked)
    assert (first["messages"], first["tools"]) == (messages, tools)
    assert (
        second["messages"]
        == third["messages"]
        == [
            {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
                "refusal": None,
            },
        ]
    )
    assert second["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert "tools" not in third


async def test_an_endless_complaint_ends(adapters: Adapters) -> None:
    async with raw_server(refusal("response_format max_completion_tokens stream_options")) as server:
        with pytest.raises(ModelRejected):
            await heard_from(adapters, server.url, OPENAI, task())
    assert len(server.asked) == 5


async def test_a_refusal_about_something_else_is_not_repeated(adapters: Adapters) -> None:
    async with raw_server(refusal("messages must not be empty")) as server:
        with pytest.raises(ModelRejected):
            await heard_from(adapters, server.url, OPENAI, task())
    assert len(server.asked) == 1


def test_every_chunk_is_kept_as_it_came_but_for_its_envelope() -> None:
    said: list[dict[str, Any]] = [
        openai_piece({"role": "assistant", "content": ""}),
        openai_piece({"reasoning_content": "Hm."}),
        openai_piece({"content": "Hel", "brand_new": {"x": [1]}}),
        openai_piece({"content": "Other"}, index=1),
        {"choices": [{"index": 0, "delta": {"content": "lo"}, "logprobs": {"content": [{"logprob": -0.5}]}}]},
        openai_piece({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}]}),
        openai_piece({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]}),
        openai_piece({"refusal": "No"}, index=1),
        {**openai_piece({}, "stop"), "system_fingerprint": "fp", "service_tier": "flex", "usage": None},
        openai_piece({}, "length", index=1),
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}, "system_fingerprint": "fp"},
    ]
    heard = read(*said)
    envelope = {"id", "object", "created", "model", "usage"}
    assert heard.deltas == [{key: said_[key] for key in said_ if key not in envelope} for said_ in said[:-1]]
    assert (heard.text, heard.finish_reason, heard.refused) == ("Hello", "stop", False)
    assert heard.message["reasoning_content"] == "Hm."
    assert heard.message["tool_calls"] == [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]
    assert heard.usage == Usage(input_tokens=1, output_tokens=2)


def test_chunks_without_choices_are_kept_where_they_say_something() -> None:
    heard = read(
        {"choices": [], "prompt_filter_results": [1], "id": ""}, {"choices": []}, {"type": "ping"}, {"id": "x"}
    )
    assert heard.deltas == [{"choices": [], "prompt_filter_results": [1]}]


def test_several_choices_end_one_after_the_other() -> None:
    reader = ChunkReader()
    for event, finished in [
        (openai_piece({"content": "a"}), False),
        (openai_piece({"content": "b"}, index=1), False),
        (openai_piece({}, "stop"), False),
        (openai_piece({}, "stop", index=1), True),
    ]:
        reader.read(json.dumps(event).encode())
        assert reader.finished is finished


def test_the_contents_parts_of_mistral_are_read() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}, {"type": "text", "text": "Hello"}]
    assert read(openai_piece({"content": parts})).text == "Hello"


def test_a_whole_completion_becomes_chunks() -> None:
    message = {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Hm.",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": None}]}
    heard = Heard([ChunkReader().whole(json.dumps(whole).encode())])
    assert heard.finish_reason == "tool_calls"
    assert heard.message == message
    assert heard.deltas[0]["choices"][0]["delta"]["tool_calls"][0]["index"] == 0


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}},
            Usage(input_tokens=9, cached_tokens=4, output_tokens=5),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5},
            Usage(input_tokens=9, cached_tokens=4, output_tokens=5),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}},
            Usage(input_tokens=9, output_tokens=5, reasoning_tokens=3),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 5,
                "total_tokens": 17,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(input_tokens=9, output_tokens=8, reasoning_tokens=3),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "cost": 0.3, "prompt_tokens_details": {"cached_tokens": 99}},
            Usage(input_tokens=9, cached_tokens=9, output_tokens=5),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": [1]},
            Usage(input_tokens=9, output_tokens=5),
        ),
        ({"prompt_tokens": 9}, None),
        ([], None),
    ],
)
def test_usages_of_the_relatives_are_read(told: Any, usage: Usage | None) -> None:
    assert read_usage(told) == usage


async def test_embeddings_are_relayed(adapters: Adapters) -> None:
    data = [{"object": "embedding", "index": 0, "embedding": [0.5, 1]}, {"embedding": "AAA=", "index": 1}]
    told = {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}, "new": 1}
    async with raw_server(reply(200, told)) as server:
        request = plain_request(input=["a", "b"], dimensions=2, encoding_format="base64", user="u")
        answer = await adapters[OPENAI].embed(target(server.url, OPENAI), request)
    assert server.asked[0].line == "POST /v1/embeddings HTTP/1.1"
    assert server.asked[0].json == {**request.body, "model": "m"}
    assert answer.body == {key: value for key, value in told.items() if key != "model"}
    assert answer.usage == Usage(input_tokens=3)
    assert answer.told["content-type"] == "application/json"


MISSING: list[tuple[Any, Any]] = [
    ("a", []),
    ("a", "x"),
    ("a", [7]),
    (["a", "b"], [{}]),
    ([1, 2], [{}, {}]),
    ([[1], [2]], [{}]),
]


@pytest.mark.parametrize(("given", "data"), MISSING)
async def test_an_embedding_is_missing(adapters: Adapters, given: Any, data: Any) -> None:
    async with raw_server(reply(200, {"data": data})) as server:
        with pytest.raises(ModelAnswerInvalid):
            await adapters[OPENAI].embed(target(server.url, OPENAI), plain_request(input=given))


async def test_a_usage_of_nonsense_is_left_out_of_embeddings(adapters: Adapters) -> None:
    told: dict[str, Any] = {"data": [{}], "usage": {"prompt_tokens": -1}}
    async with raw_server(reply(200, told)) as server:
        answer = await adapters[OPENAI].embed(target(server.url, OPENAI), plain_request(input="a"))
    assert answer.usage is None
    assert "usage" not in answer.body


async def test_completions_are_relayed(adapters: Adapters) -> None:
    told = {"choices": [{"text": "Hello"}], "usage": {"prompt_tokens": 3, "completion_tokens": 1}, "model": "m"}
    async with raw_server(reply(200, told), reply(200, {"choices": []})) as server:
        request = plain_request(prompt="Say", max_tokens=5, stream=True)
        answer = await adapters[OPENAI].complete(target(server.url, OPENAI), request)
        with pytest.raises(ModelAnswerInvalid):
            await adapters[OPENAI].complete(target(server.url, OPENAI), request)
    assert server.asked[0].json == {"prompt": "Say", "max_tokens": 5, "model": "m"}
    assert answer.body["choices"] == [{"text": "Hello"}]
    assert answer.usage == Usage(input_tokens=3, output_tokens=1)


async def test_models_are_listed(adapters: Adapters) -> None:
    data = [{"id": "a"}, {"id": 7}, "b", {"name": "c"}, {"id": "d"}]
    async with raw_server(reply(200, {"object": "list", "data": data}), reply(200, {"data": "x"})) as server:
        assert await adapters[OPENAI].models(target(server.url, OPENAI)) == ("a", "d")
        with pytest.raises(ModelAnswerInvalid):
            await adapters[OPENAI].models(target(server.url, OPENAI))
    assert server.asked[0].line == "GET /v1/models HTTP/1.1"


async def test_a_task_without_a_system_message_is_instructed_all_the_same(adapters: Adapters) -> None:
    no = refusal("json_schema")
    request = task()
    bare = type(request)("m", {"messages": HELLO}, 100, 5.0, request.json_schema)
    parted = {"messages": [{"role": "system", "content": [{"type": "text", "text": "Judge."}]}]}
    async with raw_server(no, OK, no, OK) as server:
        await hear(adapters[OPENAI], target(server.url, OPENAI), bare)
        await hear(
            adapters[OPENAI], target(server.url, OPENAI), type(request)("o", parted, 100, 5.0, request.json_schema)
        )
    assert [message["role"] for message in server.asked[1].json["messages"]] == ["system", "user"]
    assert [part["type"] for part in server.asked[3].json["messages"][0]["content"]] == ["text", "text"]
