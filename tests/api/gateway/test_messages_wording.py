import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given

from api.gateway.messages.wording import Heading, Wording, message_of
from domain.budget import Usage
from domain.gateway import CallOutcome
from tests.api.gateway.saying import DONE, call, chunk, last, said, streams, thought, words

Json = dict[str, Any]
TOLD = {"attempts": 1}
HEADING = Heading("call_0123456789abcdef0123456789abcdef", "m", lambda: TOLD, "req-1")


def told(chunks: Iterable[Json], outcome: CallOutcome = DONE) -> list[Json]:
    wording = Wording(HEADING)
    events = [*wording.begin()]
    for one in chunks:
        events += wording.chunk(one)
    return [*events, *wording.end(outcome)]


def whole(chunks: Sequence[Json], outcome: CallOutcome = DONE) -> Json:
    return message_of(HEADING, tuple(chunks), outcome)


def folded(events: Iterable[Json]) -> Json:
    """Put events together as a client does; whatever is out of order fails."""
    message: Json = {}
    written: dict[int, str] = {}
    open_at: int | None = None
    for event in events:
        match event["type"]:
            case "message_start":
                assert not message
                message = {**event["message"], "content": []}
            case "content_block_start":
                assert open_at is None
                assert event["index"] == len(message["content"])
                open_at = event["index"]
                message["content"].append(dict(event["content_block"]))
            case "content_block_delta":
                assert event["index"] == open_at
                _take(message["content"][event["index"]], event["delta"], written, event["index"])
            case "content_block_stop":
                assert event["index"] == open_at
                open_at = None
            case "message_delta":
                assert open_at is None
                message |= {**event["delta"], "usage": event["usage"], "longhaul": event["longhaul"]}
            case kind:
                assert kind == "message_stop"
    for index, text in written.items():
        message["content"][index]["input"] = json.loads(text)
    return message


def _take(block: Json, delta: Json, written: dict[int, str], index: int) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "citations_delta":
            block.setdefault("citations", []).append(delta["citation"])
        case kind:
            assert kind == "input_json_delta"
            written[index] = written.get(index, "") + delta["partial_json"]


def test_a_text_is_told_as_it_comes() -> None:
    events = told([chunk(role="assistant", content=""), *words("Hel", "lo")])
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0]["message"] == {
        "id": "msg_0123456789abcdef0123456789abcdef",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }
    assert events[2]["delta"] == {"type": "text_delta", "text": "Hel"}


def test_an_answer_without_words_has_no_block() -> None:
    assert whole([chunk(role="assistant")])["content"] == []


def test_thinking_comes_before_text_and_keeps_its_signature() -> None:
    answer = whole([*thought("Let me", " see", signature="c2ln"), *words("42")])
    assert answer["content"] == [
        {"type": "thinking", "thinking": "Let me see", "signature": "c2ln"},
        {"type": "text", "text": "42"},
    ]


def test_thinking_of_other_providers_has_no_signature() -> None:
    answer = whole([chunk(reasoning_content="hm"), chunk(reasoning_content="m"), *words("x")])
    assert answer["content"][0] == {"type": "thinking", "thinking": "hmm", "signature": ""}


def test_thinking_told_in_two_ways_at_once_is_told_once() -> None:
    both = chunk(reasoning_content="hm", thinking_blocks=[{"index": 0, "type": "thinking", "thinking": "hm"}])
    assert whole([both])["content"] == [{"type": "thinking", "thinking": "hm", "signature": ""}]


def test_thinking_told_in_blocks_alone_is_told() -> None:
    parts = [chunk(thinking_blocks=[{"type": "thinking", "thinking": text}]) for text in ("Let me", " see")]
    seal = chunk(thinking_blocks=[{"type": "thinking", "thinking": "", "signature": "c2ln"}])
    assert whole([*parts, seal])["content"] == [{"type": "thinking", "thinking": "Let me see", "signature": "c2ln"}]


def test_what_follows_a_seal_is_a_block_of_its_own() -> None:
    answer = whole([*thought("a", signature="s1"), *thought("a", signature="s2", index=1), *words("x")])
    assert answer["content"][:2] == [
        {"type": "thinking", "thinking": "a", "signature": "s1"},
        {"type": "thinking", "thinking": "a", "signature": "s2"},
    ]


def test_thinking_that_is_not_shown_keeps_its_seal() -> None:
    assert whole(thought(signature="c2ln"))["content"] == [{"type": "thinking", "thinking": "", "signature": "c2ln"}]


def test_thinking_only_the_provider_can_read_is_told_whole() -> None:
    events = told([chunk(thinking_blocks=[{"index": 0, "type": "redacted_thinking", "data": "xx"}]), *words("a")])
    assert events[1]["content_block"] == {"type": "redacted_thinking", "data": "xx"}
    assert events[2] == {"type": "content_block_stop", "index": 0}


def test_tool_calls_that_come_at_once_are_told_one_after_the_other() -> None:
    first, second = '{"a":1}', '{"b":2}'
    answer = [
        call(0, id="t0", name="f"),
        call(1, id="t1", name="g"),
        call(1, arguments=second[:3]),
        call(0, arguments=first[:2]),
        call(0, arguments=first[2:]),
        call(1, arguments=second[3:]),
    ]
    assert folded(told(answer))["content"] == [
        {"type": "tool_use", "id": "t0", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "t1", "name": "g", "input": {"b": 2}},
    ]


def test_a_tool_call_is_not_held_back_by_one_that_is_whole() -> None:
    wording = Wording(HEADING)
    begun = [call(0, id="t0", name="f", arguments="{}"), call(1, id="t1", name="g", arguments='{"b')]
    events = [event for one in begun for event in wording.chunk(one)]
    assert events[-1]["delta"] == {"type": "input_json_delta", "partial_json": '{"b'}


def test_a_call_without_arguments_has_an_empty_input() -> None:
    assert whole([call(0, id="t", name="f")])["content"][0]["input"] == {}


@pytest.mark.parametrize("arguments", ['{"a":', "[1]", "7"])
def test_arguments_that_are_no_object_are_kept(arguments: str) -> None:
    assert whole([call(0, id="t", name="f", arguments=arguments)])["content"][0]["input"] == {"INVALID_JSON": arguments}


def test_calls_without_an_id_get_different_ones() -> None:
    blocks = whole([call(0, name="f", arguments="{}"), call(1, name="f", arguments="{}")])["content"]
    assert all(block["id"].startswith("toolu_") for block in blocks)
    assert blocks[0]["id"] != blocks[1]["id"]


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("function_call", "tool_use"),
        ("content_filter", "refusal"),
        ("a_reason_of_next_year", "end_turn"),
        (None, "end_turn"),
    ],
)
def test_why_it_ended(finish: str | None, reason: str) -> None:
    answer = whole(words("x"), DONE.model_copy(update={"finish_reason": finish}))
    assert (answer["stop_reason"], answer["stop_sequence"]) == (reason, None)


def test_a_refusal_is_told_as_text_with_its_reason() -> None:
    answer = whole([chunk(refusal="I will not.")], DONE.model_copy(update={"refused": True}))
    assert (answer["content"], answer["stop_reason"]) == ([{"type": "text", "text": "I will not."}], "refusal")


def test_the_text_it_stopped_at_is_named() -> None:
    answer = whole([*words("x"), last(stop_reason="###")])
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", "###")


def test_cached_input_is_counted_apart() -> None:
    usage = Usage(input_tokens=10, cached_tokens=4, output_tokens=3, reasoning_tokens=1)
    assert whole(words("x"), DONE.model_copy(update={"usage": usage}))["usage"] == {
        "input_tokens": 6,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
        "output_tokens": 3,
        "output_tokens_details": {"thinking_tokens": 1},
    }


def test_reasons_of_anthropic_alone_come_through() -> None:
    assert whole([*words("x"), last(native_finish_reason="pause_turn")])["stop_reason"] == "pause_turn"


def test_details_of_a_refusal_come_through() -> None:
    details = {"type": "refusal", "category": "cyber"}
    answer = whole(
        [*words("x"), last(stop_details=details)],
        DONE.model_copy(update={"refused": True, "finish_reason": "content_filter"}),
    )
    assert (answer["stop_reason"], answer["stop_details"]) == ("refusal", details)


def test_blocks_of_anthropics_own_tools_come_through() -> None:
    search = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}}
    answer = [*words("a"), chunk(anthropic_blocks=[{"index": 1, **search}]), *words("b")]
    assert folded(told(answer))["content"] == whole(answer)["content"]
    assert [block["type"] for block in whole(answer)["content"]] == ["text", "server_tool_use", "text"]
    assert whole(answer)["content"][1] == search


def test_citations_belong_to_the_text_they_follow() -> None:
    cited = {"type": "char_location", "cited_text": "y"}
    answer = [*words("a"), chunk(citations=[cited]), *words("b")]
    assert whole(answer)["content"] == [{"type": "text", "text": "ab", "citations": [cited]}]
    assert {"type": "citations_delta", "citation": cited} in [event.get("delta") for event in told(answer)]


@given(streams())
def test_events_and_whole_message_say_the_same_and_lose_nothing(chunks: list[Json]) -> None:
    message = folded(told(chunks))
    assert message == whole(chunks)
    expected = said(chunks)
    texts = "".join(block["text"] for block in message["content"] if block["type"] == "text")
    thinking = "".join(block["thinking"] for block in message["content"] if block["type"] == "thinking")
    calls = [(b["id"], b["name"], b["input"]) for b in message["content"] if b["type"] == "tool_use"]
    assert (texts, thinking) == (expected.text, expected.thinking)
    assert sorted(calls, key=lambda one: one[0]) == sorted(expected.calls, key=lambda one: one[0])
