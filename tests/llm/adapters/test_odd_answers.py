"""Answers in odd clothes, over the wire: they are paid for, and they are read."""

import gzip
import json
import zlib
from typing import Any

import pytest

from domain.budget import Usage
from domain.model_pool import Dialect
from tests.llm.adapters.asking import Adapters, Heard, chat_request, heard_from
from tests.llm.adapters.raw_server import (
    JSON,
    Play,
    chunked,
    dripping,
    events,
    holding,
    packed,
    raw_server,
    reply,
    stream,
)
from tests.llm.adapters.said import Event, ending, gemini_piece, hello, openai_piece, opening

OPENAI, ANTHROPIC, GEMINI = Dialect
TOLD = Usage(input_tokens=9, output_tokens=3)


async def heard(adapters: Adapters, dialect: Dialect, answer: bytes | Play) -> Heard:
    async with raw_server(answer) as server:
        return await heard_from(adapters, server.url, dialect)


def body(dialect: Dialect) -> bytes:
    return events(*hello(dialect))


def one_a_line(said: list[Event]) -> bytes:
    return b"".join(event if isinstance(event, bytes) else b"data: %s\n" % json.dumps(event).encode() for event in said)


def spread(said: list[Event]) -> bytes:
    """Return events whose JSON stands on many lines."""
    texts = [event.decode() if isinstance(event, bytes) else json.dumps(event, indent=1) for event in said]
    return "".join("".join(f"data: {line}\r\n" for line in text.split("\n")) + "\r\n" for text in texts).encode()


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_streams_in_odd_clothes_are_read(adapters: Adapters, dialect: Dialect) -> None:
    usual = body(dialect)
    for answer in (
        stream(usual),
        stream(usual.rstrip()),
        stream(usual.replace(b"\n", b"\r\n")),
        stream(b"\xef\xbb\xbf" + usual),
        stream(b": waiting\n\nretry: 5\nid: 7\nevent: chunk\n" + usual.replace(b"data: ", b"event: x\ndata:")),
        stream(usual.replace(b"data: {", b'data: {"more": {"unknown": [1]}, ')),
        stream(spread(hello(dialect))),
        stream(one_a_line(hello(dialect)[:-1]) + events(hello(dialect)[-1])),
        stream(b"data:\n\ndata: \n\n" + usual),
        stream(usual, {"content-type": "text/plain"}),
        reply(200, usual, {}),
        packed(usual),
        packed(usual, {"content-encoding": "X-GZip"}),
        stream(gzip.compress(usual) + b"what comes after", {"content-encoding": "gzip"}),
        stream(zlib.compress(usual), {"content-encoding": "deflate"}),
        chunked(usual, trailer=b"x-checksum: 7\r\n"),
        chunked(*[usual[place : place + 7] for place in range(0, len(usual), 7)]),
    ):
        said = await heard(adapters, dialect, answer)
        assert (said.text, said.finish_reason, said.usage) == ("Hello", "stop", TOLD)
        assert said.message["content"] == "Hello"


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_the_first_chunk_says_that_it_began_and_has_the_headers(adapters: Adapters, dialect: Dialect) -> None:
    told = {"X-RateLimit-Remaining": "7", "set-cookie": "private=1"}
    said = await heard(adapters, dialect, stream(body(dialect), told))
    first, *others = said.chunks
    assert (first.text, first.deltas, first.usage) == ("", (), None)
    assert first.told is not None
    assert first.told["x-ratelimit-remaining"] == "7"
    assert "set-cookie" not in first.told
    assert all(chunk.told is None for chunk in others)


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_what_comes_after_the_end_is_not_read(adapters: Adapters, dialect: Dialect) -> None:
    more = events(*opening(dialect, "more"), b"nonsense", *ending(dialect))
    end = b"data: [DONE]\n\ndata: [DONE]\n\n" if dialect is OPENAI else b""
    if dialect is not GEMINI:  # its streams have no last word: they end with their bytes
        assert (await heard(adapters, dialect, stream(body(dialect) + end + more))).text == "Hello"


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_an_answer_cut_after_its_end_is_whole(adapters: Adapters, dialect: Dialect) -> None:
    head = {"content-length": "5000"}
    assert (await heard(adapters, dialect, stream(body(dialect), head))).usage == TOLD
    finished = events(*opening(dialect), *ending(dialect)[: 2 if dialect is ANTHROPIC else 1])
    assert (await heard(adapters, dialect, stream(finished))).finish_reason == "stop"
    assert (await heard(adapters, dialect, stream(finished + b'data: {"usage": {"prompt'))).finish_reason == "stop"
    assert (await heard(adapters, dialect, stream(finished, head))).finish_reason == "stop"


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_a_server_that_keeps_the_line_open_after_the_end_is_not_waited_for(
    adapters: Adapters, dialect: Dialect
) -> None:
    async with raw_server(holding(stream(body(dialect)))) as server:
        said = await heard_from(adapters, server.url, dialect, silence_s=60.0)
        assert said.text == "Hello"
        await server.left.wait()


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_one_byte_at_a_time_makes_the_same_answer(adapters: Adapters, dialect: Dialect) -> None:
    said = await heard(adapters, dialect, dripping(body(dialect), 0))
    assert (said.text, said.usage) == ("Hello", TOLD)


@pytest.mark.parametrize(
    ("dialect", "usage"),
    [
        (OPENAI, {}),
        (OPENAI, [1]),
        (OPENAI, {"prompt_tokens": 9}),
        (OPENAI, {"prompt_tokens": -1, "completion_tokens": -1}),
        (OPENAI, {"prompt_tokens": 10**30, "completion_tokens": 3}),
        (OPENAI, {"prompt_tokens": True, "completion_tokens": 3}),
        (OPENAI, {"prompt_tokens": 9.0, "completion_tokens": 3}),
        (OPENAI, {"prompt_tokens": "9", "completion_tokens": 3}),
        (OPENAI, {"prompt_tokens": float("nan"), "completion_tokens": 3}),
        (ANTHROPIC, {"output_tokens": -1}),
        (ANTHROPIC, {"output_tokens": 10**30}),
        (ANTHROPIC, {"output_tokens": True}),
        (ANTHROPIC, {"output_tokens": 3.5}),
        (ANTHROPIC, {"output_tokens": float("inf"), "input_tokens": "9"}),
        (ANTHROPIC, {"output_tokens": 3, "cache_read_input_tokens": -1}),
        (GEMINI, {}),
        (GEMINI, "9"),
        (GEMINI, {"candidatesTokenCount": 3}),
        (GEMINI, {"promptTokenCount": -9, "candidatesTokenCount": 3}),
        (GEMINI, {"promptTokenCount": 9, "candidatesTokenCount": 10**30}),
        (GEMINI, {"promptTokenCount": True}),
        (GEMINI, {"promptTokenCount": 9, "thoughtsTokenCount": 1.5}),
    ],
)
async def test_a_usage_that_cannot_be_true_is_none(adapters: Adapters, dialect: Dialect, usage: Any) -> None:
    said = await heard(adapters, dialect, stream(events(*opening(dialect), *ending(dialect, usage))))
    assert (said.text, said.finish_reason, said.usage) == ("Hello", "stop", None)
    assert all("usage" not in delta for delta in said.deltas)


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_what_no_store_takes_is_replaced(adapters: Adapters, dialect: Dialect) -> None:
    said = await heard(adapters, dialect, stream(events(*opening(dialect, "a\0b\ud800c\U0001f600"), *ending(dialect))))
    assert said.text == said.message["content"] == "a\ufffdb\ufffdc\U0001f600"
    broken = events(*opening(dialect, "a?b")).replace(b"a?b", b"a\xffb\xed\xa0\x80")
    said = await heard(adapters, dialect, stream(broken + events(*ending(dialect))))
    assert said.text.startswith("a\ufffdb\ufffd")
    assert json.dumps(said.deltas, ensure_ascii=False).encode()


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_numbers_that_are_no_json_become_null(adapters: Adapters, dialect: Dialect) -> None:
    odd = opening(dialect)
    last = odd[-1]
    assert isinstance(last, dict)
    odd[-1] = {**last, "more": "?"}
    raw = events(*odd).replace(b'"?"', b"[NaN, -Infinity, 1e999]")
    said = await heard(adapters, dialect, stream(raw + events(*ending(dialect))))
    assert said.text == "Hello"
    assert "NaN" not in json.dumps(said.deltas)
    assert "Infinity" not in json.dumps(said.deltas)


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_events_of_unknown_types_are_passed_over(adapters: Adapters, dialect: Dialect) -> None:
    strange = [
        {"type": "brand.new", "data": [1]},
        {"type": "content_block_delta", "index": 9, "delta": {"type": "new"}},
    ]
    said = await heard(adapters, dialect, stream(events(*strange, *hello(dialect)[:-1], *strange, hello(dialect)[-1])))
    assert said.text == "Hello"


BROKEN = '{"city": "Val'
CALLS: dict[Dialect, list[Event]] = {
    OPENAI: [
        openai_piece({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "look", "arguments": ""}}]}),
        openai_piece({"tool_calls": [{"index": 0, "function": {"arguments": BROKEN}}]}),
        openai_piece({}, "tool_calls"),
        b"[DONE]",
    ],
    ANTHROPIC: [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "c1", "name": "look"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": BROKEN}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    ],
}


@pytest.mark.parametrize("dialect", list(CALLS))
async def test_a_call_with_broken_arguments_is_relayed_as_it_is(adapters: Adapters, dialect: Dialect) -> None:
    said = await heard(adapters, dialect, stream(events(*CALLS[dialect])))
    (call,) = said.message["tool_calls"]
    assert (call["id"], call["function"]) == ("c1", {"name": "look", "arguments": BROKEN})
    assert said.finish_reason == "tool_calls"


WHOLE: dict[Dialect, Any] = {
    OPENAI: {
        "id": "x",
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3},
    },
    ANTHROPIC: {
        "type": "message",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 9, "output_tokens": 3},
    },
    GEMINI: {
        **gemini_piece({"text": "Hello"}, finishReason="STOP"),
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3},
    },
}


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_an_answer_that_is_not_streamed_is_read(adapters: Adapters, dialect: Dialect) -> None:
    for answer in (
        reply(200, WHOLE[dialect]),
        reply(200, b"\xef\xbb\xbf" + json.dumps(WHOLE[dialect], indent=1).encode(), JSON),
        reply(200, WHOLE[dialect] if dialect is not GEMINI else [WHOLE[dialect]]),
    ):
        said = await heard(adapters, dialect, answer)
        assert (said.text, said.finish_reason, said.usage) == ("Hello", "stop", TOLD)
        assert said.message["content"] == "Hello"


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_an_empty_answer_is_an_answer(adapters: Adapters, dialect: Dialect) -> None:
    said = await heard(adapters, dialect, stream(events(*opening(dialect, ""), *ending(dialect))))
    assert (said.text, said.finish_reason) == ("", "stop")


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_an_oversized_prompt_goes_out_whole(adapters: Adapters, dialect: Dialect) -> None:
    message = {"role": "user", "content": "x" * 5_000_000}
    async with raw_server(stream(body(dialect))) as server:
        await heard_from(adapters, server.url, dialect, chat_request(messages=[message]))
    assert len(server.asked[0].body) > 5_000_000
