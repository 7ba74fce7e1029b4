import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given

from api.gateway.responses import thinking
from api.gateway.responses.shown import shown_of
from api.gateway.responses.wording import Heading, Wording, response_of
from domain.budget import Usage
from domain.gateway import CallError, CallOutcome
from tests.api.gateway.saying import DONE, call, chunk, said, streams, thought, words

Json = dict[str, Any]
TOLD = {"attempts": 1}
BROKEN = CallError(status=502, type="server_error", code="upstream_error", message="it broke")


def heading(**asked: Any) -> Heading:
    return Heading("call_018bcfe5-6800".replace("-", "") + "7" * 20, "m", shown_of(asked), lambda: TOLD)


def told(chunks: Iterable[Json], outcome: CallOutcome = DONE, **asked: Any) -> list[Json]:
    wording = Wording(heading(**asked))
    events = [*wording.begin()]
    for one in chunks:
        events += wording.chunk(one)
    return [*events, *wording.end(outcome)]


def whole(chunks: Sequence[Json], outcome: CallOutcome = DONE, **asked: Any) -> Json:
    return response_of(heading(**asked), tuple(chunks), outcome)


def kinds(events: Iterable[Json]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def folded(events: Iterable[Json]) -> list[Json]:
    """Return the texts of the items, put together from the deltas, checked against what is said when they end."""
    texts: dict[int, str] = {}
    done: dict[int, Json] = {}
    for event in events:
        kind = event["type"].removeprefix("response.")
        place: int = event.get("output_index", -1)
        if kind == "output_item.added":
            assert place == len(texts)
            texts[place] = ""
        elif kind.endswith(".delta"):
            assert place not in done
            texts[place] += event["delta"]
        elif kind == "output_item.done":
            done[place] = event["item"]
    assert [_text(done[place]) for place in sorted(done)] == list(texts.values())
    return [done[place] for place in sorted(done)]


def _text(item: Json) -> str:
    if item["type"] == "function_call":
        return str(item["arguments"])
    parts: list[Json] = item.get("content") or item.get("summary") or []
    return "".join(part.get("text", "") or part.get("refusal", "") for part in parts)


def test_a_text_is_told_as_it_comes() -> None:
    events = told([chunk(role="assistant", content=""), *words("Hel", "lo")])
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(10))
    response = events[-1]["response"]
    assert response["id"] == events[0]["response"]["id"] == "resp_018bcfe56800" + "7" * 20
    assert response["status"] == "completed"
    assert response["output"][0]["content"] == [
        {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
    ]
    assert response["longhaul"] == TOLD


def test_thinking_is_an_item_of_its_own() -> None:
    first, second = whole([chunk(reasoning_content="hm"), *words("42")])["output"]
    assert first["type"] == "reasoning"
    assert (first["summary"], first["content"]) == ([], [{"type": "reasoning_text", "text": "hm"}])
    assert second["content"][0]["text"] == "42"


def test_thinking_is_a_summary_where_one_was_asked_for() -> None:
    events = told([chunk(reasoning_content="hm")], reasoning={"summary": "auto"})
    assert kinds(events)[2:8] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    assert events[-1]["response"]["output"][0]["summary"] == [{"type": "summary_text", "text": "hm"}]


def test_thinking_is_kept_for_the_next_call_where_that_was_asked_for() -> None:
    hidden = chunk(thinking_blocks=[{"index": 1, "type": "redacted_thinking", "data": "xx"}])
    chunks = [*thought("h", "m", signature="c2ln"), hidden, *words("x")]
    kept = whole(chunks, include=["reasoning.encrypted_content"])["output"][0]["encrypted_content"]
    assert kept == thinking.packed(
        [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "xx"},
        ]
    )
    assert "encrypted_content" not in whole(chunks)["output"][0]


def test_thinking_without_a_seal_is_not_kept() -> None:
    thought_alone = whole(thought("hm"), include=["reasoning.encrypted_content"])["output"][0]
    assert (thought_alone["encrypted_content"], thought_alone["content"][0]["text"]) == (None, "hm")


def test_text_after_text_of_another_kind_is_a_part_of_its_own() -> None:
    events = told([*words("a"), chunk(refusal="no"), chunk(refusal="!")])
    (message,) = events[-1]["response"]["output"]
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]
    assert message["content"][1]["refusal"] == "no!"
    assert "refusal.done" in kinds(events)


def test_tool_calls_that_come_at_once_are_items_of_their_own() -> None:
    answer = [
        call(0, id="t0", name="f"),
        call(1, id="t1", name="g", arguments='{"b'),
        call(0, arguments='{"a":1}'),
        call(1, arguments='":2}'),
    ]
    items = folded(told(answer))
    assert [(item["call_id"], item["name"], item["arguments"]) for item in items] == [
        ("t0", "f", '{"a":1}'),
        ("t1", "g", '{"b":2}'),
    ]


def test_a_whole_tool_call_ends_when_the_next_begins() -> None:
    events = kinds(told([call(0, id="t0", name="f", arguments="{}"), call(1, id="t1", name="g", arguments="{}")]))
    assert events.index("output_item.done") < events.index("output_item.added", events.index("output_item.added") + 1)


def test_an_empty_part_after_the_end_of_a_call_makes_no_other() -> None:
    whole_call = call(0, id="t0", name="f", arguments="{}")
    items = folded(told([whole_call, call(1, id="t1", name="g"), call(0), call(1, arguments="{}")]))
    assert [(item["call_id"], item["arguments"]) for item in items] == [("t0", "{}"), ("t1", "{}")]


def test_logprobs_go_with_their_text() -> None:
    logprobs = [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}]
    one = {"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": {"content": logprobs}}]}
    events = told([one])
    assert next(event for event in events if event["type"].endswith("text.delta"))["logprobs"] == logprobs
    assert events[-1]["response"]["output"][0]["content"][0]["logprobs"] == logprobs


@pytest.mark.parametrize(
    ("finish", "status", "details"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_how_it_ended(finish: str, status: str, details: Json | None) -> None:
    outcome = DONE.model_copy(update={"finish_reason": finish})
    response = whole(words("x"), outcome)
    assert (response["status"], response["incomplete_details"]) == (status, details)
    assert told(words("x"), outcome)[-1] == {
        "type": f"response.{status}",
        "response": {**response, "output": told(words("x"), outcome)[-1]["response"]["output"]},
        "sequence_number": 9 - 1,
    }


def test_a_broken_answer_ends_failed_with_what_was_said() -> None:
    wording = Wording(heading())
    last = [*wording.begin(), *wording.chunk(words("x")[0]), *wording.failure(BROKEN)][-1]
    assert last["type"] == "response.failed"
    response = last["response"]
    assert response["error"]["code"] == "server_error"
    assert response["error"]["message"] == "it broke"
    assert response["output"][0]["status"] == "incomplete"


def test_the_request_is_given_back() -> None:
    tools: list[Json] = [{"type": "function", "name": "f", "parameters": {}, "strict": True}]
    response = whole(words("x"), instructions="i", tools=tools, metadata={"a": "b"}, reasoning={"effort": "low"})
    assert (response["instructions"], response["tools"], response["metadata"]) == ("i", tools, {"a": "b"})
    assert response["reasoning"] == {"effort": "low", "summary": None}
    assert (response["store"], response["tool_choice"], response["created_at"]) == (False, "auto", 1_700_000_000)


def test_usage_counts_cached_and_reasoning_tokens() -> None:
    usage = Usage(input_tokens=10, cached_tokens=4, output_tokens=3, reasoning_tokens=2)
    assert whole(words("x"), DONE.model_copy(update={"usage": usage}))["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 13,
    }


@given(streams())
def test_events_and_whole_response_say_the_same_and_lose_nothing(chunks: list[Json]) -> None:
    events = told(chunks)
    items = folded(events)
    assert items == events[-1]["response"]["output"] == whole(chunks)["output"]
    expected = said(chunks)
    texts = "".join(_text(item) for item in items if item["type"] == "message")
    thoughts = "".join(_text(item) for item in items if item["type"] == "reasoning")
    calls = [
        (item["call_id"], item["name"], json.loads(item["arguments"] or "{}"))
        for item in items
        if item["type"] == "function_call"
    ]
    assert (texts, thoughts) == (expected.text, expected.thinking)
    assert sorted(calls, key=lambda one: one[0]) == sorted(expected.calls, key=lambda one: one[0])
