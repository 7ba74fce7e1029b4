"""Events do not depend on how their bytes arrive, and none is endless."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ModelAnswerTooLarge
from services.llm.adapters.event_lines import EVENT_LIMIT, EventLines

STREAM = (
    b'\xef\xbb\xbfevent: x\ndata: {"a":1}\r\n\r\n: comment\ndata:[DONE]\n\ndata: {\ndata:  "b": 2}\n\n'
    b'data:\n\nid: 7\n\ndata: {"c":3}\ndata: {"d":4}\ndata: [5]\n\ndata: last'
)
PAYLOADS = [b'{"a":1}', b"[DONE]", b'{\n"b": 2}', b'{"c":3}', b'{"d":4}', b"[5]", b"last"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_events_do_not_depend_on_how_bytes_arrive(cuts: list[int]) -> None:
    lines, edges = EventLines(), [0, *sorted(cuts), len(STREAM)]
    found = [payload for a, b in pairwise(edges) for payload in lines.feed(STREAM[a:b])]
    assert found + lines.rest() == PAYLOADS
    assert lines.heard


@given(st.binary(max_size=200))
def test_any_bytes_are_read(data: bytes) -> None:
    lines = EventLines()
    assert isinstance([*lines.feed(data), *lines.rest()], list)


@pytest.mark.parametrize("text", [b"<html>", b"no stream at all\nreally\n", b"\n\n\r\n", b"{}\n"])
def test_what_is_no_stream_is_not_heard(text: bytes) -> None:
    lines = EventLines()
    assert not [*lines.feed(text), *lines.rest()]
    assert not lines.heard


@pytest.mark.parametrize("part", [b"x" * 1_000_000, b"data: " + b"x" * 999_993 + b"\n", b"data:\n" * 16_000])
def test_an_event_without_end_is_too_large(part: bytes) -> None:
    lines, most = EventLines(), EVENT_LIMIT // 1_000_000
    taken = 0
    while taken <= most:
        try:
            assert not lines.feed(part)
        except ModelAnswerTooLarge:
            break
        taken += 1
    assert most - 1 <= taken <= most
