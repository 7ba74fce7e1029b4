from typing import Any

import pytest

from api.gateway.fields import BadField
from api.gateway.responses import thinking
from api.gateway.responses.reading import LOGPROBS, THINKING, chat_body

Json = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}


def asked(**fields: Any) -> Json:
    return {"model": "m", "input": "Hi", **fields}


def read(**fields: Any) -> Json:
    return chat_body(asked(**fields))


def messages(*items: Json) -> list[Json]:
    told: list[Json] = read(input=list(items))["messages"]
    return told


def part(part: Json) -> Any:
    return messages({"role": "user", "content": [part]})[0]["content"][0]


def test_the_least_that_can_be_asked() -> None:
    assert read() == {"model": "m", "stream": False, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stream": True}, {"stream": True}),
        ({"max_output_tokens": 7}, {"max_completion_tokens": 7}),
        ({"temperature": 0, "top_p": 0.5}, {"temperature": 0, "top_p": 0.5}),
        (
            {"user": "u", "service_tier": "flex", "prompt_cache_key": "k"},
            {"user": "u", "service_tier": "flex", "prompt_cache_key": "k"},
        ),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
        ({"reasoning": {"effort": "high", "summary": "auto"}}, {"reasoning_effort": "high"}),
        ({"text": {"verbosity": "low"}}, {"verbosity": "low"}),
        ({"text": {"format": {"type": "text"}}}, {}),
        ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
                }
            },
        ),
        (
            {"tools": [FUNCTION]},
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
                    }
                ]
            },
        ),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        (
            {"tool_choice": {"type": "function", "name": "f"}},
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        ),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "auto",
                    "tools": [{"type": "function", "name": "f"}],
                }
            },
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
                }
            },
        ),
        ({"include": [LOGPROBS]}, {"logprobs": True}),
        ({"top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"include": [THINKING]}, {}),
        ({"longhaul": {"priority": 1}}, {"longhaul": {"priority": 1}}),
    ],
)
def test_fields_of_both_apis_are_translated(fields: Json, expected: Json) -> None:
    assert read(**fields) == {**read(), **expected}


@pytest.mark.parametrize(
    "fields",
    [
        {"store": False, "background": False, "truncation": "disabled"},
        {"previous_response_id": None, "conversation": None, "prompt": None, "tools": None, "reasoning": None},
        {"metadata": {"a": "b"}},
        {"stream_options": {"include_obfuscation": False}},
    ],
)
def test_what_changes_nothing_is_taken(fields: Json) -> None:
    assert read(**fields) == read()


def test_instructions_stand_before_the_input() -> None:
    assert read(instructions="Be brief.")["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "input_text", "text": "a"}, {"type": "text", "text": "a"}),
        ({"type": "output_text", "text": "a", "annotations": []}, {"type": "text", "text": "a"}),
        ({"type": "refusal", "refusal": "no"}, {"type": "refusal", "refusal": "no"}),
        (
            {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
            {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        ),
        (
            {"type": "input_file", "file_data": "data:application/pdf;base64,QQ==", "filename": "a.pdf"},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QQ==", "filename": "a.pdf"}},
        ),
        ({"type": "input_file", "file_id": "f1"}, {"type": "file", "file": {"file_id": "f1"}}),
        (
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}},
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}},
        ),
    ],
)
def test_parts_are_translated(given: Json, expected: Json) -> None:
    assert part(given) == expected


def test_a_loop_of_tools_is_one_turn_of_the_model() -> None:
    told = messages(
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": "weather?"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "message", "id": "m1", "role": "assistant", "status": "completed", "content": "I look."},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "g", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "x"}]},
    )
    assert told == [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": "I look.",
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": '{"a":1}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "x"}]},
    ]


def test_words_after_a_call_stay_in_its_turn() -> None:
    told = messages(
        {"role": "assistant", "content": "a"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
        {"type": "function_call_output", "call_id": "c1", "output": ""},
    )
    assert [message["role"] for message in told] == ["assistant", "tool"]
    assert told[0]["content"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]


def test_two_answers_in_a_row_stay_two() -> None:
    told = messages({"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"})
    assert [message["content"] for message in told] == ["a", "b"]


def test_thinking_before_a_second_turn_belongs_to_it() -> None:
    thought = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]}
    told = messages({"role": "assistant", "content": "a"}, thought, {"role": "assistant", "content": "b"})
    assert told == [
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": "b", "reasoning_content": "hm"},
    ]


def test_thinking_alone_is_a_turn_without_words() -> None:
    thought = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]}
    assert messages(thought) == [{"role": "assistant", "content": "", "reasoning_content": "hm"}]


def test_thinking_that_was_kept_for_the_provider_comes_back_as_it_was() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hé", "signature": "s"},
        {"type": "redacted_thinking", "data": "xx"},
    ]
    kept: Json = {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": thinking.packed(blocks)}
    (told,) = messages(kept, {"role": "assistant", "content": "a"})
    assert told == {"role": "assistant", "content": "a", "thinking_blocks": blocks}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ([], ""),
        ({}, "model"),
        (asked(model=1), "model"),
        (asked(input=None), "input"),
        (asked(input=[]), "input"),
        (asked(input=[{"role": "user", "content": "x"}] * 10_001), "input"),
        (asked(input=7), "input"),
        (asked(input=["x"]), "input[0]"),
        (asked(input=[{"role": "tool", "content": "x"}]), "input[0].role"),
        (asked(input=[{"role": "user"}]), "input[0].content"),
        (asked(input=[{"role": "user", "content": [{"type": "video"}]}]), "input[0].content[0].type"),
        (
            asked(input=[{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]),
            "input[0].content[0].file_id",
        ),
        (
            asked(input=[{"role": "user", "content": [{"type": "input_file", "file_url": "https://x"}]}]),
            "input[0].content[0].file_url",
        ),
        (asked(input=[{"role": "user", "content": [{"type": "input_file"}]}]), "input[0].content[0].file_data"),
        (asked(input=[{"type": "item_reference", "id": "x"}]), "input[0].type"),
        (asked(input=[{"type": "web_search_call", "id": "x"}]), "input[0].type"),
        (asked(input=[{"type": "function_call", "name": "f", "arguments": "{}"}]), "input[0].call_id"),
        (asked(input=[{"type": "function_call_output", "output": "x"}]), "input[0].call_id"),
        (
            asked(input=[{"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "another's"}]),
            "input[0].encrypted_content",
        ),
        (
            asked(input=[{"type": "reasoning", "summary": [], "encrypted_content": "longhaul.thinking.1:%%"}]),
            "input[0].encrypted_content",
        ),
        (asked(instructions=1), "instructions"),
        (asked(store=True), "store"),
        (asked(previous_response_id="resp_1"), "previous_response_id"),
        (asked(conversation="conv_1"), "conversation"),
        (asked(prompt={"id": "p"}), "prompt"),
        (asked(background=True), "background"),
        (asked(truncation="auto"), "truncation"),
        (asked(max_tool_calls=1), "max_tool_calls"),
        (asked(moderation={"model": "m"}), "moderation"),
        (asked(a_field_of_next_year=1), "a_field_of_next_year"),
        (asked(max_output_tokens=0), "max_output_tokens"),
        (asked(stream="yes"), "stream"),
        (asked(stream_options={"include_obfuscation": True}), "stream_options.include_obfuscation"),
        (asked(text={"format": {"type": "grammar"}}), "text.format.type"),
        (asked(text={"format": {"type": "json_schema", "name": "n"}}), "text.format.schema"),
        (asked(text={"format": {"type": "json_schema", "schema": {}}}), "text.format.name"),
        (asked(text={"colour": "red"}), "text.colour"),
        (asked(reasoning={"effort": 1}), "reasoning.effort"),
        (asked(reasoning={"mode": "pro"}), "reasoning.mode"),
        (asked(reasoning={"summary": "long"}), "reasoning.summary"),
        (asked(tools=[{"type": "web_search"}]), "tools[0].type"),
        (asked(tools=[{"type": "function"}]), "tools[0].name"),
        (asked(tools=[{"type": "function", "name": "f", "defer_loading": True}]), "tools[0].defer_loading"),
        (asked(tools=[{"type": "function", "name": "f", "parameters": "{}"}]), "tools[0].parameters"),
        (asked(tool_choice="some"), "tool_choice"),
        (asked(tool_choice={"type": "mcp", "server_label": "x"}), "tool_choice.type"),
        (asked(include=["file_search_call.results"]), "include[0]"),
        (asked(top_logprobs=-1), "top_logprobs"),
        (asked(parallel_tool_calls="no"), "parallel_tool_calls"),
        (asked(temperature="hot"), "temperature"),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_place(body: Any, param: str) -> None:
    with pytest.raises(BadField) as refused:
        chat_body(body)
    assert refused.value.param == param
