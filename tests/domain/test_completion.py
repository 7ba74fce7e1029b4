"""Chunks become the completion that a client would put together."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.completion import assemble, text_of


def delta(index: int = 0, finish: str | None = None, **said: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": said, "finish_reason": finish}]}


def test_texts_are_appended_and_roles_are_not() -> None:
    chunks = [delta(role="assistant", content=""), delta(role="assistant", content="Hel"), delta(content="lo")]
    whole = assemble([*chunks, delta(finish="stop")])
    assert whole["choices"] == [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}
    ]


@given(st.lists(st.text(), max_size=20))
def test_however_a_text_is_cut_it_comes_out_whole(pieces: list[str]) -> None:
    whole = assemble(delta(content=piece) for piece in pieces)
    expected = "".join(pieces) if pieces else None
    assert [choice["message"]["content"] for choice in whole["choices"]] == ([expected] if pieces else [])
    assert "".join(text_of(delta(content=piece)) for piece in pieces) == "".join(pieces)


def test_tool_calls_are_joined_by_their_index_and_lose_it() -> None:
    begun = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
    other = {"index": 1, "id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}
    chunks = [
        delta(tool_calls=[begun]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"a"'}}, other]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}], finish="tool_calls"),
    ]
    (choice,) = assemble(chunks)["choices"]
    assert choice["message"]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert choice["message"]["content"] is None


def test_several_choices_stay_apart_and_in_order() -> None:
    whole = assemble([delta(1, content="b"), delta(0, content="a"), delta(1, content="B", finish="length")])
    assert [choice["message"]["content"] for choice in whole["choices"]] == ["a", "bB"]
    assert [choice["finish_reason"] for choice in whole["choices"]] == [None, "length"]


def test_fields_that_this_build_does_not_know_are_kept() -> None:
    logprobs = [{"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [{"token": t}]}}]} for t in "ab"]
    whole = assemble([*logprobs, {"choices": [], "citations": ["x"], "n": 1, "flag": True}, {"choices": [], "n": 2}])
    assert whole["choices"][0]["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}
    assert (whole["citations"], whole["n"], whole["flag"]) == (["x"], 2, True)


def test_odd_shapes_do_no_harm() -> None:
    whole = assemble([delta(tool_calls=["odd", {"index": "x"}], content="t"), delta(tool_calls="odd")])
    assert whole["choices"][0]["message"]["tool_calls"] == "odd"
    assert assemble([delta(tool_calls=["odd"])])["choices"][0]["message"]["tool_calls"] == ["odd"]
    assert assemble([]) == {"choices": []}
    assert assemble([{"choices": [{"index": 0, "delta": None}]}])["choices"][0]["message"]["content"] is None


@pytest.mark.parametrize(
    "chunk",
    [{}, {"choices": 7}, {"choices": [7]}, {"choices": [{"delta": 7}]}, delta(content=7), delta(1, content="x")],
)
def test_a_chunk_without_text_of_the_first_choice_has_none(chunk: dict[str, Any]) -> None:
    assert text_of(chunk) == ""
