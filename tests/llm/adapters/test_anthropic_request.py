"""Requests of the OpenAI API as Anthropic's."""

import json
from base64 import b64encode
from typing import Any

import pytest

from domain.errors import ModelRejected
from domain.model_pool import Dialect
from services.llm.adapters.anthropic_api.request import Terms, Thinking, body
from tests.llm.adapters.asking import Adapters, chat_request, heard_from, plain_request, target, task
from tests.llm.adapters.raw_server import events, raw_server, reply, stream
from tests.llm.adapters.said import hello

ANTHROPIC = Dialect.ANTHROPIC
OK = stream(events(*hello(ANTHROPIC)))
PDF = b64encode(b"%PDF-1.4").decode()
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "look", "description": "Look up.", "parameters": {"type": "object"}, "strict": True},
    "cache_control": {"type": "ephemeral"},
}
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"ok": {"type": "boolean"}}}
FORMAT: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}


def sent(terms: Terms | None = None, /, *, most: int | None = 4000, **fields: Any) -> Any:
    return json.loads(body(chat_request("claude", most=most, **fields), terms or Terms()))


def messages(*told: dict[str, Any]) -> Any:
    return sent(messages=list(told))["messages"]


def refusal(message: str) -> bytes:
    return reply(400, {"type": "error", "error": {"type": "invalid_request_error", "message": message}})


async def test_a_plain_chat_goes_to_the_messages_api(adapters: Adapters) -> None:
    async with raw_server(OK) as server:
        await heard_from(adapters, server.url, ANTHROPIC, chat_request("claude", most=None))
    (asked,) = server.asked
    assert asked.line == "POST /anthropic/v1/messages HTTP/1.1"
    assert asked.headers["anthropic-version"] == "2023-06-01"
    hello_ = {"role": "user", "content": [{"type": "text", "text": "Hello"}]}
    assert asked.json == {"model": "claude", "max_tokens": 4096, "stream": True, "messages": [hello_]}


def test_instructions_stand_apart() -> None:
    two = {"type": "text", "text": "Two.", "cache_control": {"type": "ephemeral"}}
    told = sent(
        messages=[
            {"role": "system", "content": "One."},
            {"role": "user", "content": "Hello"},
            {
                "role": "developer",
                "content": [{"type": "text", "text": "Two.", "cache_control": {"type": "ephemeral"}}],
            },
            {"role": "system", "content": ""},
        ]
    )
    assert told["system"] == [{"type": "text", "text": "One."}, two]
    assert [message["role"] for message in told["messages"]] == ["user"]


def test_a_message_that_says_nothing_is_left_out() -> None:
    empty = {"role": "assistant", "content": [{"type": "text", "text": ""}, {"type": "refusal", "refusal": "No."}]}
    told = messages({"role": "user", "content": "Hello"}, {"role": "assistant", "content": ""}, empty)
    assert [message["role"] for message in told] == ["user", "assistant"]
    assert told[1]["content"] == [{"type": "text", "text": "No."}]


def test_instructions_alone_are_the_users_turn() -> None:
    told = sent(messages=[{"role": "system", "content": "Sing."}])
    assert "system" not in told
    assert told["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Sing."}]}]


def test_images_and_files_become_blocks() -> None:
    (message,) = messages(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See."},
                {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA", "detail": "low"}},
                {"type": "image_url", "image_url": "https://example.org/x.png", "cache_control": {"type": "ephemeral"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
                {"type": "file", "file": {"filename": "b.pdf", "file_data": PDF}},
                {"type": "file", "file": {"filename": "c.md", "file_data": b64encode("ü".encode()).decode()}},
                {"type": "file", "file": {"file_data": "data:text/plain,a%20b"}},
                {"type": "file", "file": {"file_id": "file_1"}},
                {"type": "file", "file": {"file_data": "https://example.org/x.pdf"}},
                {"type": "search_result", "source": "own"},
            ],
        }
    )
    pdf = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    assert message["content"] == [
        {"type": "text", "text": "See."},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}},
        {
            "type": "image",
            "source": {"type": "url", "url": "https://example.org/x.png"},
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "document", "source": pdf, "title": "a.pdf"},
        {"type": "document", "source": pdf, "title": "b.pdf"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "ü"}, "title": "c.md"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a b"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "document", "source": {"type": "url", "url": "https://example.org/x.pdf"}},
        {"type": "search_result", "source": "own"},
    ]


def test_calls_and_their_results_become_blocks_in_turns_that_alternate() -> None:
    told = messages(
        {"role": "user", "content": "Look."},
        {
            "role": "assistant",
            "content": "Looking.",
            "reasoning_content": "Hm.",
            "thinking_blocks": [{"index": 0, "type": "thinking", "thinking": "Hm.", "signature": "s"}],
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}},
                {"id": "c2", "type": "function", "function": {"name": "look", "arguments": '{"half": '}},
                {"id": "c3", "type": "function", "function": {"name": "look", "arguments": ""}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "one", "is_error": True},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}]},
        {"role": "tool", "tool_call_id": "c3", "content": "", "cache_control": {"type": "ephemeral"}},
        {"role": "user", "content": "And?", "cache_control": {"type": "ephemeral"}},
    )
    assert [message["role"] for message in told] == ["user", "assistant", "user"]
    assert told[1]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "text", "text": "Looking."},
        {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": 1}},
        {"type": "tool_use", "id": "c2", "name": "look", "input": {"arguments": '{"half": '}},
        {"type": "tool_use", "id": "c3", "name": "look", "input": {}},
    ]
    assert told[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": "one", "is_error": True},
        {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "two"}]},
        {"type": "tool_result", "tool_use_id": "c3", "content": "", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "And?", "cache_control": {"type": "ephemeral"}},
    ]


ODD: list[dict[str, Any]] = [
    {"messages": "Hello"},
    {"messages": []},
    {"messages": ["Hello"]},
    {"messages": [{"role": "user", "content": 7}]},
    {"messages": [{"role": "wizard", "content": "Hello"}]},
    {"messages": [{"content": "Hello"}]},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": 7}]}]},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png"}]}]},
    {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA"}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "data:a/b;base64,AA=="}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "data:text/x;base64,?"}}]}]},
    {"functions": [{"name": "f"}]},
    {"n": 2},
]


@pytest.mark.parametrize("fields", ODD)
def test_what_cannot_be_said_is_rejected(fields: dict[str, Any]) -> None:
    with pytest.raises(ModelRejected):
        sent(**fields)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": {"type": "function", "function": {"name": "look"}}}, {"type": "tool", "name": "look"}),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required"}}}, {"type": "any"}),
        ({"tool_choice": {"type": "tool", "name": "look"}}, {"type": "tool", "name": "look"}),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        (
            {"tool_choice": "required", "parallel_tool_calls": False},
            {"type": "any", "disable_parallel_tool_use": True},
        ),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
        ({"tool_choice": 7}, None),
    ],
)
def test_tools_are_translated(asked: dict[str, Any], told: dict[str, Any] | None) -> None:
    own = {"type": "web_search_20250305", "name": "web_search"}
    fields = sent(tools=[TOOL, own, {"type": "function", "function": {"name": "bare"}}], **asked)
    assert fields["tools"] == [
        {
            "name": "look",
            "description": "Look up.",
            "input_schema": {"type": "object"},
            "strict": True,
            "cache_control": {"type": "ephemeral"},
        },
        own,
        {"name": "bare", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert fields.get("tool_choice") == told


def test_a_choice_without_tools_is_left_out() -> None:
    assert "tool_choice" not in sent(tool_choice="required")


def test_other_fields_are_translated_relayed_or_left_out() -> None:
    told = sent(
        stop=["END", " \n", 7],
        temperature=1.7,
        top_p=0.9,
        top_k=5,
        user="u1",
        seed=7,
        logprobs=True,
        cache_control={"type": "ephemeral"},
        anthropic={"service_tier": "standard_only", "max_tokens": 10**9, "model": "evil", "new": [1]},
    )
    assert {key: told[key] for key in told if key not in ("messages", "stream")} == {
        "model": "claude",
        "max_tokens": 4000,
        "stop_sequences": ["END"],
        "temperature": 1,
        "top_p": 0.9,
        "top_k": 5,
        "metadata": {"user_id": "u1"},
        "cache_control": {"type": "ephemeral"},
        "service_tier": "standard_only",
        "new": [1],
    }
    assert sent(stop="END", metadata={"user_id": "u2", "x": "y"})["metadata"] == {"user_id": "u2"}


@pytest.mark.parametrize(
    ("terms", "most", "asked", "told"),
    [
        (Thinking.EFFORT, 4000, {}, {}),
        (
            Thinking.EFFORT,
            4000,
            {"reasoning_effort": "minimal", "temperature": 0.5},
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}},
        ),
        (Thinking.BUDGET, 4000, {"reasoning_effort": "high"}, {"thinking": {"type": "enabled", "budget_tokens": 3200}}),
        (Thinking.BUDGET, 4000, {"reasoning_effort": "low"}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        (Thinking.BUDGET, 1025, {"reasoning_effort": "high"}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        (Thinking.BUDGET, 1024, {"reasoning_effort": "high"}, {}),
        (Thinking.UNTOLD, 4000, {"reasoning_effort": "high"}, {}),
        (Thinking.EFFORT, 4000, {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        (Thinking.EFFORT, 4000, {"reasoning_effort": "brand new"}, {}),
        (Thinking.EFFORT, 4000, {"reasoning_effort": 7}, {}),
        (
            Thinking.EFFORT,
            4000,
            {"reasoning_effort": "high", "thinking": {"type": "enabled", "budget_tokens": 2000}, "top_k": 3},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        ),
        (Thinking.EFFORT, 4000, {"reasoning_effort": "high", "anthropic": {"thinking": None}}, {"thinking": None}),
        (Thinking.EFFORT, 4000, {"output_config": {"effort": "max"}}, {"output_config": {"effort": "max"}}),
        (
            Thinking.EFFORT,
            4000,
            {"reasoning_effort": "low", "output_config": {"effort": "max"}},
            {"output_config": {"effort": "max"}},
        ),
    ],
)
def test_effort_becomes_thinking(terms: Thinking, most: int, asked: dict[str, Any], told: dict[str, Any]) -> None:
    fields = sent(Terms(thinking=terms), most=most, **asked)
    assert {key: fields[key] for key in fields if key not in ("model", "messages", "stream", "max_tokens")} == told


def test_a_forced_tool_forbids_thinking() -> None:
    assert "thinking" not in sent(tools=[TOOL], tool_choice="required", reasoning_effort="high")


def test_a_schema_is_asked_for_or_forced_as_a_tools_input() -> None:
    assert sent(response_format=FORMAT)["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    forced = sent(Terms(schema=False), response_format=FORMAT)
    (tool,) = forced["tools"]
    assert (tool["name"], tool["input_schema"]) == ("longhaul_answer", SCHEMA)
    assert forced["tool_choice"] == {"type": "tool", "name": "longhaul_answer", "disable_parallel_tool_use": True}
    with_tools = sent(Terms(schema=False), response_format=FORMAT, tools=[TOOL])
    assert [tool["name"] for tool in with_tools["tools"]] == ["look", "longhaul_answer"]
    assert with_tools["tool_choice"]["type"] == "any"
    words = sent(response_format={"type": "json_object"})
    assert "JSON" in words["system"][0]["text"]
    both = sent(response_format=FORMAT, reasoning_effort="low")
    assert set(both["output_config"]) == {"effort", "format"}


async def test_a_model_that_takes_no_schema_is_asked_by_a_tool_from_then_on(adapters: Adapters) -> None:
    async with raw_server(refusal("output_config: Extra inputs are not permitted"), OK) as server:
        await heard_from(adapters, server.url, ANTHROPIC, task())
        await heard_from(adapters, server.url, ANTHROPIC, chat_request(response_format=FORMAT))
    assert ["tools" in asked.json for asked in server.asked] == [False, True, True]


async def test_one_schema_that_is_not_taken_says_nothing_of_others(adapters: Adapters) -> None:
    async with raw_server(refusal("output_config.format.schema: maxLength is no keyword"), OK) as server:
        await heard_from(adapters, server.url, ANTHROPIC, task())
        await heard_from(adapters, server.url, ANTHROPIC, task())
    assert ["tools" in asked.json for asked in server.asked] == [False, True, False]


async def test_older_models_think_by_tokens_and_the_oldest_not_at_all(adapters: Adapters) -> None:
    no = refusal("adaptive thinking is not supported on this model"), refusal("thinking: not supported")
    async with raw_server(*no, OK) as server:
        for _ in range(2):
            await heard_from(adapters, server.url, ANTHROPIC, chat_request(most=4000, reasoning_effort="high"))
    told = [asked.json.get("thinking", {}).get("type") for asked in server.asked]
    assert told == ["adaptive", "enabled", None, None]


async def test_models_that_take_no_temperature_are_sent_none(adapters: Adapters) -> None:
    async with raw_server(refusal("temperature is deprecated for this model"), OK) as server:
        for _ in range(2):
            await heard_from(adapters, server.url, ANTHROPIC, chat_request(temperature=0.5))
    assert ["temperature" in asked.json for asked in server.asked] == [True, False, False]


async def test_a_refusal_about_something_else_is_not_repeated(adapters: Adapters) -> None:
    async with raw_server(refusal("messages: at least one message is required")) as server:
        with pytest.raises(ModelRejected):
            await heard_from(adapters, server.url, ANTHROPIC, task())
    assert len(server.asked) == 1


async def test_trials_of_the_api_are_named_in_their_header(adapters: Adapters) -> None:
    asked = {"betas": ["context-1m-2025-08-07", "files-api-2025-04-14"]}
    async with raw_server(OK) as server:
        await heard_from(adapters, server.url, ANTHROPIC, chat_request(anthropic=asked))
        await heard_from(adapters, server.url, ANTHROPIC, chat_request(anthropic={"betas": "odd"}))
    assert server.asked[0].headers["anthropic-beta"] == "context-1m-2025-08-07,files-api-2025-04-14"
    assert "betas" not in server.asked[0].json
    assert "anthropic-beta" not in server.asked[1].headers


async def test_there_are_no_embeddings_and_no_completions(adapters: Adapters) -> None:
    where = target("http://127.0.0.1:1", ANTHROPIC)
    with pytest.raises(ModelRejected):
        await adapters[ANTHROPIC].embed(where, plain_request(input="Hello"))
    with pytest.raises(ModelRejected):
        await adapters[ANTHROPIC].complete(where, plain_request(prompt="Hello"))


async def test_models_are_listed(adapters: Adapters) -> None:
    data = {"data": [{"type": "model", "id": "claude-a"}, {"id": "claude-b"}], "has_more": False}
    async with raw_server(reply(200, data)) as server:
        assert await adapters[ANTHROPIC].models(target(server.url, ANTHROPIC)) == ("claude-a", "claude-b")
    assert server.asked[0].line == "GET /anthropic/v1/models?limit=1000 HTTP/1.1"
