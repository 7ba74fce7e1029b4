from typing import Any

import pytest

from api.gateway.fields import BadField
from api.gateway.messages.reading import chat_body

Json = dict[str, Any]

PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}
CACHED = {"type": "ephemeral", "ttl": "1h"}


def asked(**fields: Any) -> Json:
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], **fields}


def read(**fields: Any) -> Json:
    return chat_body(asked(**fields))


def messages(*turns: Json) -> list[Json]:
    told: list[Json] = read(messages=list(turns))["messages"]
    return told


def user(*blocks: Json) -> list[Json]:
    return messages({"role": "user", "content": list(blocks)})


def assistant(*blocks: Json) -> Json:
    (told,) = messages({"role": "assistant", "content": list(blocks)})
    return told


def test_the_least_that_can_be_asked() -> None:
    assert chat_body(asked()) == {
        "model": "m",
        "max_completion_tokens": 9,
        "stream": False,
        "messages": [{"role": "user", "content": "Hi"}],
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stream": True}, {"stream": True}),
        ({"temperature": 0.5, "top_p": 1}, {"temperature": 0.5, "top_p": 1}),
        ({"stop_sequences": ["a", "b"]}, {"stop": ["a", "b"]}),
        ({"metadata": {"user_id": "u"}}, {"user": "u"}),
        ({"tool_choice": {"type": "auto"}}, {"tool_choice": "auto"}),
        ({"tool_choice": {"type": "any"}}, {"tool_choice": "required"}),
        ({"tool_choice": {"type": "none"}}, {"tool_choice": "none"}),
        (
            {"tool_choice": {"type": "tool", "name": "t", "disable_parallel_tool_use": True}},
            {"tool_choice": {"type": "function", "function": {"name": "t"}}, "parallel_tool_calls": False},
        ),
        (
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": False}},
            {"tool_choice": "auto"},
        ),
        ({"longhaul": {"priority": 1}}, {"longhaul": {"priority": 1}}),
        (
            {"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}}},
            {
                "reasoning_effort": "low",
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
                },
                "anthropic": {"output_config": {"effort": "low"}},
            },
        ),
    ],
)
def test_fields_of_both_apis_are_translated(fields: Json, expected: Json) -> None:
    plain = read()
    assert read(**fields) == {**plain, **expected}


@pytest.mark.parametrize(
    "fields",
    [
        {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        {"top_k": 5, "service_tier": "standard_only"},
        {"cache_control": CACHED, "container": "c", "inference_geo": "eu"},
        {"a_field_of_next_year": {"x": [1]}},
        {"metadata": {"tenant": "t"}},
    ],
)
def test_fields_of_anthropic_alone_are_kept_for_its_adapter(fields: Json) -> None:
    assert read(**fields) == {**read(), "anthropic": fields}


def test_betas_are_kept_for_the_adapter() -> None:
    assert chat_body(asked(), ["a-2026", "b-2026"])["anthropic"] == {"betas": ["a-2026", "b-2026"]}


def test_null_counts_as_not_there() -> None:
    nothing = dict.fromkeys(("system", "tools", "thinking", "metadata", "stop_sequences", "temperature", "tool_choice"))
    assert read(**nothing) == read()


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("Be brief.", "Be brief."),
        ([{"type": "text", "text": "Be brief."}], "Be brief."),
        (
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": CACHED}],
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": CACHED}],
        ),
    ],
)
def test_system_is_the_first_message(system: Any, expected: Any) -> None:
    told = read(system=system)["messages"]
    assert told == [{"role": "system", "content": expected}, {"role": "user", "content": "Hi"}]


def test_system_turns_stay_where_they_are() -> None:
    told = messages({"role": "user", "content": "a"}, {"role": "system", "content": [{"type": "text", "text": "b"}]})
    assert told == [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}},
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}, "cache_control": CACHED},
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}, "cache_control": CACHED},
        ),
        (
            {"type": "document", "source": PDF, "title": "t.pdf", "citations": {"enabled": True}},
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "t.pdf"},
                "title": "t.pdf",
                "citations": {"enabled": True},
            },
        ),
        (
            {"type": "document", "source": PDF},
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "document.pdf"},
            },
        ),
        (
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "é"}},
            {"type": "file", "file": {"file_data": "data:text/plain;base64,w6k=", "filename": "document.txt"}},
        ),
        (
            {"type": "document", "source": {"type": "file", "file_id": "f1"}, "context": "c"},
            {"type": "file", "file": {"file_id": "f1"}, "context": "c"},
        ),
    ],
)
def test_blocks_become_parts(block: Json, part: Json) -> None:
    assert user(block) == [{"role": "user", "content": [part]}]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "source": {"type": "file", "file_id": "f1"}},
        {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}},
        {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]},
        {"type": "a_block_of_next_year", "x": 1},
    ],
)
def test_blocks_without_a_counterpart_go_on_as_they_came(block: Json) -> None:
    assert user({"type": "text", "text": "see"}, block)[0]["content"] == [{"type": "text", "text": "see"}, block]


def test_results_of_tools_stand_before_what_the_user_adds() -> None:
    told = user(
        {"type": "tool_result", "tool_use_id": "t1", "content": "ok"},
        {"type": "text", "text": "and now?"},
        {
            "type": "tool_result",
            "tool_use_id": "t2",
            "is_error": True,
            "content": [
                {"type": "text", "text": "no"},
                {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
            ],
        },
        {"type": "tool_result", "tool_use_id": "t3"},
    )
    assert told == [
        {"role": "tool", "tool_call_id": "t1", "content": "ok"},
        {
            "role": "tool",
            "tool_call_id": "t2",
            "content": [
                {"type": "text", "text": "no"},
                {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            ],
            "is_error": True,
        },
        {"role": "tool", "tool_call_id": "t3", "content": ""},
        {"role": "user", "content": "and now?"},
    ]


def test_results_alone_make_no_empty_turn() -> None:
    assert [message["role"] for message in user({"type": "tool_result", "tool_use_id": "t1"})] == ["tool"]


def test_thinking_and_calls_stand_beside_what_the_model_said() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s=="}
    hidden = {"type": "redacted_thinking", "data": "xx"}
    call = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": "é"}, "cache_control": CACHED}
    assert assistant(thought, hidden, {"type": "text", "text": "Let me see."}, call) == {
        "role": "assistant",
        "content": "Let me see.",
        "thinking_blocks": [thought, hidden],
        "tool_calls": [
            {
                "id": "t1",
                "type": "function",
                "function": {"name": "f", "arguments": '{"a":"é"}'},
                "cache_control": CACHED,
            }
        ],
    }


def test_thinking_without_a_seal_goes_on_as_a_text() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": ""}
    sealed = {"type": "thinking", "thinking": "so", "signature": "s"}
    told = assistant(thought, sealed, {"type": "text", "text": "x"})
    assert (told["reasoning_content"], told["thinking_blocks"]) == ("hm", [sealed])


def test_a_turn_of_calls_alone_has_no_content() -> None:
    assert assistant({"type": "tool_use", "id": "t1", "name": "f", "input": {}})["content"] is None


def test_a_turn_of_thinking_alone_has_an_empty_content() -> None:
    assert assistant({"type": "thinking", "thinking": "hm", "signature": "s"})["content"] == ""


def test_tools_keep_what_anthropic_says_of_them() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    tool = {"name": "f", "description": "d", "input_schema": schema, "strict": True, "cache_control": CACHED}
    assert read(tools=[tool, search])["tools"] == [
        {
            "type": "function",
            "function": {"name": "f", "description": "d", "parameters": schema, "strict": True},
            "cache_control": CACHED,
        },
        search,
    ]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ([], ""),
        ("text", ""),
        ({}, "model"),
        (asked(model=1), "model"),
        (asked(max_tokens=None), "max_tokens"),
        (asked(max_tokens=0), "max_tokens"),
        (asked(max_tokens=1.5), "max_tokens"),
        (asked(max_tokens=True), "max_tokens"),
        (asked(messages=None), "messages"),
        (asked(messages=[]), "messages"),
        (asked(messages={}), "messages"),
        (asked(messages=[{"role": "user", "content": "x"}] * 10_001), "messages"),
        (asked(messages=["x"]), "messages[0]"),
        (asked(messages=[{"role": "tool", "content": "x"}]), "messages[0].role"),
        (asked(messages=[{"role": "user"}]), "messages[0].content"),
        (asked(messages=[{"role": "user", "content": 1}]), "messages[0].content"),
        (asked(messages=[{"role": "user", "content": []}]), "messages[0].content"),
        (asked(messages=[{"role": "user", "content": [{}]}]), "messages[0].content[0].type"),
        (asked(messages=[{"role": "user", "content": [{"type": "text"}]}]), "messages[0].content[0].text"),
        (asked(messages=[{"role": "user", "content": [{"type": "image"}]}]), "messages[0].content[0].source"),
        (
            asked(messages=[{"role": "user", "content": [{"type": "image", "source": {"type": "base64"}}]}]),
            "messages[0].content[0].source.media_type",
        ),
        (
            asked(messages=[{"role": "user", "content": [{"type": "tool_result"}]}]),
            "messages[0].content[0].tool_use_id",
        ),
        (
            asked(messages=[{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f"}]}]),
            "messages[0].content[0].input",
        ),
        (
            asked(
                messages=[
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": "{}"}]}
                ]
            ),
            "messages[0].content[0].input",
        ),
        (asked(system=[{"type": "image"}]), "system[0].type"),
        (asked(system=3), "system"),
        (asked(stream="yes"), "stream"),
        (asked(temperature="hot"), "temperature"),
        (asked(top_p=True), "top_p"),
        (asked(stop_sequences="x"), "stop_sequences"),
        (asked(stop_sequences=[1]), "stop_sequences[0]"),
        (asked(metadata="x"), "metadata"),
        (asked(metadata={"user_id": 1}), "metadata.user_id"),
        (asked(tools={}), "tools"),
        (asked(tools=[{"name": "f"}]), "tools[0].input_schema"),
        (asked(tools=[{"input_schema": {}}]), "tools[0].name"),
        (asked(tool_choice="auto"), "tool_choice"),
        (asked(tool_choice={"type": "some"}), "tool_choice.type"),
        (asked(tool_choice={"type": "tool"}), "tool_choice.name"),
        (asked(output_config={"format": {"type": "xml"}}), "output_config.format.type"),
        (asked(output_config={"format": {"type": "json_schema"}}), "output_config.format.schema"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(body: Any, param: str) -> None:
    with pytest.raises(BadField) as refused:
        chat_body(body)
    assert refused.value.param == param
