"""Events of Anthropic's API as chunks of the OpenAI API."""

import json
from typing import Any

import pytest

from domain.budget import Usage
from services.llm.adapters.anthropic_api.events import EventReader
from services.llm.adapters.anthropic_api.usage import read_usage
from tests.llm.adapters.asking import Heard


def block(index: int, block_: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    pieces = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    begun = {"type": "content_block_start", "index": index, "content_block": block_}
    return [begun, *pieces, {"type": "content_block_stop", "index": index}]


def text(said: str) -> dict[str, Any]:
    return {"type": "text_delta", "text": said}


def part(json_: str) -> dict[str, Any]:
    return {"type": "input_json_delta", "partial_json": json_}


def end(reason: str, **usage: Any) -> list[dict[str, Any]]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


def read(*said: dict[str, Any], usage: dict[str, Any] | None = None) -> Heard:
    reader = EventReader()
    start = {"type": "message_start", "message": {"role": "assistant", "usage": usage or {}}}
    chunks = [reader.read(json.dumps(event).encode()) for event in [start, *said]]
    assert reader.done is any(event["type"] == "message_stop" for event in said)
    return Heard([chunk for chunk in chunks if chunk is not None])


def test_text_thoughts_and_calls_become_deltas() -> None:
    heard = read(
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "Let me "},
            {"type": "thinking_delta", "thinking": "see."},
            {"type": "signature_delta", "signature": "sig=="},
        ),
        *block(1, {"type": "redacted_thinking", "data": "opaque"}),
        *block(2, {"type": "text", "text": ""}, text("Hel"), text("lo")),
        *block(3, {"type": "tool_use", "id": "c1", "name": "look", "input": {}}, part(""), part('{"at"'), part(": 1}")),
        *block(4, {"type": "tool_use", "id": "c2", "name": "nothing", "input": {}}),
        *end("tool_use", output_tokens=5),
        usage={"input_tokens": 9, "output_tokens": 1},
    )
    assert heard.text == "Hello"
    assert heard.message == {
        "role": "assistant",
        "content": "Hello",
        "reasoning_content": "Let me see.",
        "thinking_blocks": [
            {"index": 0, "type": "thinking", "thinking": "Let me see.", "signature": "sig=="},
            {"index": 1, "type": "redacted_thinking", "data": "opaque"},
        ],
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}},
            {"id": "c2", "type": "function", "function": {"name": "nothing", "arguments": "{}"}},
        ],
    }
    assert heard.choice["finish_reason"] == heard.finish_reason == "tool_calls"
    assert heard.usage == Usage(input_tokens=9, output_tokens=5)


def test_every_delta_is_a_chunk_of_the_openai_api() -> None:
    heard = read(*block(0, {"type": "text", "text": ""}, text("a"), text("b")), *end("end_turn"))
    first, *pieces, last = heard.deltas
    assert first == {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
    assert [piece["choices"][0]["delta"] for piece in pieces] == [{"content": "a"}, {"content": "b"}]
    choice: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": "stop", "native_finish_reason": "end_turn"}
    assert last == {"choices": [choice]}


@pytest.mark.parametrize(
    ("native", "reason", "refused"),
    [
        ("end_turn", "stop", False),
        ("stop_sequence", "stop", False),
        ("pause_turn", "stop", False),
        ("max_tokens", "length", False),
        ("model_context_window_exceeded", "length", False),
        ("tool_use", "tool_calls", False),
        ("refusal", "content_filter", True),
        ("brand_new", "stop", False),
    ],
)
def test_each_reason_to_stop_has_its_name(native: str, reason: str, refused: bool) -> None:
    heard = read(*end(native))
    assert (heard.finish_reason, heard.refused) == (reason, refused)
    assert heard.choice["native_finish_reason"] == native


def test_the_sequence_that_stopped_is_told() -> None:
    delta = {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    assert read({"type": "message_delta", "delta": delta}).choice["stop_sequence"] == "END"


def test_the_answer_tools_input_is_the_answers_text() -> None:
    answer: dict[str, Any] = {"type": "tool_use", "id": "c1", "name": "longhaul_answer", "input": {}}
    heard = read(*block(0, answer, part('{"ok"'), part(": true}")), *end("tool_use"))
    assert (heard.text, heard.finish_reason) == ('{"ok": true}', "stop")
    assert "tool_calls" not in heard.message


def test_a_real_tool_beside_the_answer_tool_is_a_call() -> None:
    answer: dict[str, Any] = {"type": "tool_use", "id": "c0", "name": "longhaul_answer", "input": {}}
    look: dict[str, Any] = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
    heard = read(*block(0, answer), *block(1, look, part("{}")), *end("tool_use"))
    (call,) = heard.message["tool_calls"]
    assert call["id"] == "c1"
    assert heard.finish_reason == "tool_calls"


def test_what_the_provider_did_itself_is_passed_on() -> None:
    search: dict[str, Any] = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"url": "u"}]}
    cited = {"type": "citations_delta", "citation": {"url": "u"}}
    heard = read(
        *block(0, search, part('{"query"'), part(': "x"}')),
        *block(1, found),
        *block(2, {"type": "text", "text": ""}, cited, text("It is.")),
        *end("pause_turn"),
    )
    assert heard.message["anthropic_blocks"] == [
        {"index": 0, **search, "input": {"query": "x"}},
        {"index": 1, **found},
    ]
    assert heard.message["citations"] == [{"url": "u"}]
    broken = read(*block(0, search, part('{"query"')), *end("end_turn"))
    assert broken.message["anthropic_blocks"][0]["input"] == '{"query"'


def test_a_whole_message_becomes_the_same_chunks() -> None:
    message = {
        "type": "message",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 9, "output_tokens": 3},
    }
    heard = Heard([EventReader().whole(json.dumps(message).encode())])
    assert heard.message == {
        "role": "assistant",
        "content": "Hello",
        "reasoning_content": "Hm.",
        "thinking_blocks": [{"index": 0, "type": "thinking", "thinking": "Hm.", "signature": "s"}],
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}],
    }
    assert (heard.text, heard.finish_reason) == ("Hello", "tool_calls")
    assert heard.usage == Usage(input_tokens=9, output_tokens=3)


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (
            {"input_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2, "output_tokens": 7},
            Usage(input_tokens=10, cached_tokens=3, output_tokens=7),
        ),
        (
            {"input_tokens": 5, "output_tokens": 7, "output_tokens_details": {"thinking_tokens": 4}},
            Usage(input_tokens=5, output_tokens=7, reasoning_tokens=4),
        ),
        (
            {"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": None},
            Usage(input_tokens=5, output_tokens=7),
        ),
        ({"output_tokens": 7}, None),
        ({}, None),
    ],
)
def test_input_includes_what_was_cached(told: dict[str, Any], usage: Usage | None) -> None:
    assert read_usage(told) == usage


def test_counts_at_the_end_hold_and_those_not_told_again_stay() -> None:
    heard = read(
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 4}},
        *end("end_turn", output_tokens=7, input_tokens=None, cache_read_input_tokens=3),
        usage={"input_tokens": 5, "cache_read_input_tokens": 1, "output_tokens": 1},
    )
    assert heard.usage == Usage(input_tokens=8, cached_tokens=3, output_tokens=7)
    assert read(usage={"input_tokens": 5, "output_tokens": 1}).usage is None
