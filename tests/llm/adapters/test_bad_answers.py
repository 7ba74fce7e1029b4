"""Answers that no provider should give, over the wire: each is the right error, and says whether to try again."""

import gzip
import json
from typing import Any

import pytest

from domain.errors import (
    ModelAnswerInvalid,
    ModelAnswerTooLarge,
    ModelContentRefused,
    ModelContextTooLong,
    ModelCredentialDead,
    ModelError,
    ModelRejected,
    ModelThrottled,
    ModelUnavailable,
)
from domain.model_pool import Dialect
from services.llm.adapters.event_lines import EVENT_LIMIT
from tests.llm.adapters.asking import Adapters, Heard, heard_from
from tests.llm.adapters.raw_server import JSON, Play, events, packed, raw_server, reply, stream
from tests.llm.adapters.said import error, gemini_piece, openai_piece, opening

OPENAI, ANTHROPIC, GEMINI = Dialect
MAYBE = (ModelAnswerInvalid, ModelThrottled, ModelUnavailable)
"""What another try may mend."""
BOMB = gzip.compress(b"data: " + b" " * 4 * EVENT_LIMIT, 9)


async def failed(adapters: Adapters, dialect: Dialect, answer: bytes | Play) -> ModelError:
    """Return the error that an answer became; it quotes nothing, and was asked for once."""
    async with raw_server(answer) as server:
        with pytest.raises(ModelError) as caught:
            await heard_from(adapters, server.url, dialect)
    assert len(server.asked) == 1
    assert "private" not in str(caught.value)
    assert caught.value.retryable is isinstance(caught.value, MAYBE)
    return caught.value


NO_ANSWERS: dict[str, tuple[bytes, type[ModelError]]] = {
    "empty JSON": (reply(200, b""), ModelAnswerInvalid),
    "empty stream": (stream(b""), ModelUnavailable),
    "web page": (reply(200, b"<html>private</html>", {"content-type": "text/html; charset=utf-8"}), ModelAnswerInvalid),
    "web page as a stream": (stream(b"<html>private</html>"), ModelAnswerInvalid),
    "words as JSON": (reply(200, b"private"), ModelAnswerInvalid),
    "half JSON": (reply(200, b'{"private": '), ModelAnswerInvalid),
    "JSON without an answer": (reply(200, b"{}"), ModelAnswerInvalid),
    "JSON array": (reply(200, b"[]"), ModelAnswerInvalid),
    "JSON null": (reply(200, b"null"), ModelAnswerInvalid),
    "JSON too deep": (reply(200, b"[" * 100_000), ModelAnswerInvalid),
    "JSON with a number too long": (reply(200, b"9" * 5000), ModelAnswerInvalid),
    "204": (reply(204), ModelAnswerInvalid),
    "event of half JSON": (stream(b'data: {"private": \n\n'), ModelAnswerInvalid),
    "event of words": (stream(b"data: private\n\n"), ModelAnswerInvalid),
    "event with a bare NUL": (stream(b'data: "private\0"\n\n'), ModelAnswerInvalid),
    "event of an array": (stream(b"data: [1]\n\n"), ModelAnswerInvalid),
    "event of a number": (stream(b"data: 7\n\n"), ModelAnswerInvalid),
    "nothing but comments": (stream(b": waiting\n\n: waiting\n\n"), ModelUnavailable),
    "nothing but empty events": (stream(b"event: ping\ndata: {}\n\n"), ModelUnavailable),
    "shorter than told": (stream(b"data: x", {"content-length": "5000"}), ModelUnavailable),
    "cut in a chunk": (stream(b"5000\r\ndata: x", {"transfer-encoding": "chunked"}), ModelUnavailable),
    "chunks of nonsense": (stream(b"zz\r\nnonsense\r\n", {"transfer-encoding": "chunked"}), ModelUnavailable),
    "not a byte": (b"", ModelUnavailable),
    "no HTTP": (b"no HTTP at all\r\n\r\n", ModelUnavailable),
    "endless header": (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, ModelUnavailable),
    "endless line": (stream(b"data: " + b"x" * (EVENT_LIMIT + 10)), ModelAnswerTooLarge),
    "endless event": (stream(b"data:\n" * EVENT_LIMIT), ModelAnswerTooLarge),
    "endless JSON": (reply(200, b" " * (EVENT_LIMIT + 10)), ModelAnswerTooLarge),
    "endless comments": (stream(b": waiting\n\n" * (1_000_000)), ModelAnswerTooLarge),
    "gzip bomb": (stream(BOMB, {"content-encoding": "gzip"}), ModelAnswerTooLarge),
    "gzip bomb of JSON": (reply(200, BOMB, {**JSON, "content-encoding": "gzip"}), ModelAnswerTooLarge),
    "gzip bomb as an error": (reply(503, BOMB, {"content-encoding": "gzip"}), ModelUnavailable),
    "gzip twice": (stream(BOMB, {"content-encoding": "gzip, gzip"}), ModelAnswerInvalid),
    "no gzip": (stream(b"not gzip", {"content-encoding": "gzip"}), ModelAnswerInvalid),
    "gzip of comments": (packed(b": waiting\n\n"), ModelUnavailable),
    "unknown encoding": (stream(b"private", {"content-encoding": "br"}), ModelAnswerInvalid),
    "302 to a link-local address": (reply(302, b"", {"location": "http://169.254.169.254/latest"}), ModelRejected),
    "307 to loopback": (reply(307, b"", {"location": "http://127.0.0.1:1/"}), ModelRejected),
    "400": (reply(400, b"private"), ModelRejected),
    "401": (reply(401, b"private"), ModelCredentialDead),
    "402": (reply(402, b"private"), ModelCredentialDead),
    "403": (reply(403, b"private"), ModelCredentialDead),
    "404": (reply(404, b"private"), ModelRejected),
    "408": (reply(408, b"private"), ModelUnavailable),
    "413": (reply(413, b"private"), ModelRejected),
    "422": (reply(422, b"private"), ModelRejected),
    "429": (reply(429, b"private"), ModelThrottled),
    "500": (reply(500, b"private"), ModelUnavailable),
    "500 cut": (reply(500, b"private", {"content-length": "5000"}), ModelUnavailable),
    "502 with a web page": (reply(502, b"<html>private</html>", {"content-type": "text/html"}), ModelUnavailable),
    "503 too deep": (reply(503, b"[" * 100_000), ModelUnavailable),
    "529": (reply(529, b"private"), ModelThrottled),
}


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize(("answer", "kind"), NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_what_is_no_answer_in_any_dialect(
    strict_adapters: Adapters, dialect: Dialect, answer: bytes, kind: type[ModelError]
) -> None:
    assert type(await failed(strict_adapters, dialect, answer)) is kind


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize("cut", [b"", b'data: {"half": ', b"data: ", b"\n\n: x\n\n", b"\xff\xfe"])
async def test_an_answer_cut_in_the_middle_is_no_answer(
    strict_adapters: Adapters, dialect: Dialect, cut: bytes
) -> None:
    answer = stream(events(*opening(dialect)) + cut)
    assert type(await failed(strict_adapters, dialect, answer)) is ModelUnavailable


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_an_endless_answer_ends_at_the_greatest_size(strict_adapters: Adapters, dialect: Dialect) -> None:
    async def play(writer: Any) -> None:
        writer.write(stream(events(*opening(dialect))))
        more = events(opening(dialect)[-1]) * 1000
        while True:
            writer.write(more)
            await writer.drain()

    assert type(await failed(strict_adapters, dialect, play)) is ModelAnswerTooLarge


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1000000000"}, 60.0),
        ({"retry-after": "NaN"}, None),
        ({"retry-after": "Sat, 01 Jan 2000 00:00:00 GMT"}, None),
        ({"retry-after": "Sun, 01 Jan 2990 00:00:00 GMT"}, 60.0),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "soon \xe4"}, None),
    ],
)
@pytest.mark.parametrize("dialect", list(Dialect))
async def test_absurd_delays_are_not_kept(
    strict_adapters: Adapters, dialect: Dialect, headers: dict[str, str], seconds: float | None
) -> None:
    throttled = await failed(strict_adapters, dialect, reply(429, b"{}", headers))
    assert throttled.retry_after_s == seconds


SAID_ERRORS: list[tuple[Dialect, Any, type[ModelError]]] = [
    (OPENAI, error(OPENAI, 200, "server_error"), ModelUnavailable),
    (OPENAI, error(OPENAI, 200, "rate_limit_exceeded"), ModelThrottled),
    (OPENAI, error(OPENAI, 200, "context_length_exceeded"), ModelContextTooLong),
    (OPENAI, error(OPENAI, 200, "never heard of"), ModelAnswerInvalid),
    (OPENAI, {"error": {"code": 502, "message": "private"}}, ModelUnavailable),
    (OPENAI, {"error": {"code": 402, "message": "private"}}, ModelCredentialDead),
    (OPENAI, {"error": "private"}, ModelAnswerInvalid),
    (OPENAI, {"object": "error", "message": "private", "code": 400}, ModelRejected),
    (ANTHROPIC, error(ANTHROPIC, 200, "overloaded_error"), ModelThrottled),
    (ANTHROPIC, error(ANTHROPIC, 200, "api_error"), ModelUnavailable),
    (ANTHROPIC, error(ANTHROPIC, 200, "invalid_request_error"), ModelRejected),
    (ANTHROPIC, {"type": "error", "error": {"message": "private"}}, ModelAnswerInvalid),
    (ANTHROPIC, {"error": {"type": "overloaded_error", "message": "private"}}, ModelThrottled),
    (GEMINI, error(GEMINI, 503, "UNAVAILABLE"), ModelUnavailable),
    (GEMINI, error(GEMINI, 429, "RESOURCE_EXHAUSTED"), ModelThrottled),
    (GEMINI, error(GEMINI, 403, "PERMISSION_DENIED"), ModelCredentialDead),
    (GEMINI, {"error": {"message": "private"}}, ModelAnswerInvalid),
]


@pytest.mark.parametrize(("dialect", "body", "kind"), SAID_ERRORS)
async def test_an_error_inside_a_200_is_an_error(
    strict_adapters: Adapters, dialect: Dialect, body: Any, kind: type[ModelError]
) -> None:
    assert type(await failed(strict_adapters, dialect, reply(200, body))) is kind
    assert type(await failed(strict_adapters, dialect, stream(events(body)))) is kind
    assert type(await failed(strict_adapters, dialect, stream(events(*opening(dialect), body)))) is kind


WRONG_TYPES: list[tuple[Dialect, Any, type[ModelError]]] = [
    (OPENAI, {"choices": "private"}, ModelAnswerInvalid),
    (OPENAI, {"choices": {"0": {}}}, ModelAnswerInvalid),
    (OPENAI, {"choices": [7]}, ModelAnswerInvalid),
    (OPENAI, {"choices": [{"delta": "private"}]}, ModelAnswerInvalid),
    (OPENAI, {"choices": [{"index": [0], "delta": {}}]}, ModelAnswerInvalid),
    (OPENAI, openai_piece({"content": 7}), ModelAnswerInvalid),
    (OPENAI, openai_piece({"content": {"text": "private"}}), ModelAnswerInvalid),
    (OPENAI, {"choices": [{"delta": {}, "finish_reason": 7}]}, ModelAnswerInvalid),
    (OPENAI, openai_piece({}, "error"), ModelUnavailable),
    (OPENAI, openai_piece({}, "insufficient_system_resource"), ModelUnavailable),
    (OPENAI, {"choices": [{"delta": {}, "error": {"code": 429}}]}, ModelThrottled),
    (ANTHROPIC, {"type": "content_block_delta", "index": 0, "delta": "private"}, ModelAnswerInvalid),
    (ANTHROPIC, {"type": "content_block_delta", "delta": {"type": "text_delta", "text": 7}}, ModelAnswerInvalid),
    (ANTHROPIC, {"type": "content_block_delta", "delta": {"type": "text_delta"}}, ModelAnswerInvalid),
    (ANTHROPIC, {"type": "content_block_start", "index": 0, "content_block": "private"}, ModelAnswerInvalid),
    (ANTHROPIC, {"type": "content_block_stop", "index": "0"}, ModelAnswerInvalid),
    (ANTHROPIC, {"type": "error"}, ModelAnswerInvalid),
    (GEMINI, {"candidates": "private"}, ModelAnswerInvalid),
    (GEMINI, {"candidates": [7]}, ModelAnswerInvalid),
    (GEMINI, {"candidates": [{"content": "private"}]}, ModelAnswerInvalid),
    (GEMINI, {"candidates": [{"content": {"parts": "private"}}]}, ModelAnswerInvalid),
    (GEMINI, {"candidates": [{"index": "0"}]}, ModelAnswerInvalid),
    (GEMINI, gemini_piece({"text": 7}), ModelAnswerInvalid),
    (
        GEMINI,
        {"candidates": [{"content": {"role": "model"}, "finishReason": "MALFORMED_RESPONSE"}]},
        ModelAnswerInvalid,
    ),
    (GEMINI, gemini_piece(finishReason="MALFORMED_FUNCTION_CALL"), ModelAnswerInvalid),
    (GEMINI, gemini_piece(finishReason="UNEXPECTED_TOOL_CALL"), ModelAnswerInvalid),
]


@pytest.mark.parametrize(("dialect", "event", "kind"), WRONG_TYPES)
async def test_fields_of_the_wrong_type_break_the_protocol(
    strict_adapters: Adapters, dialect: Dialect, event: dict[str, Any], kind: type[ModelError]
) -> None:
    assert type(await failed(strict_adapters, dialect, stream(events(event)))) is kind
    assert type(await failed(strict_adapters, dialect, stream(events(*opening(dialect), event)))) is kind


REFUSALS: list[tuple[Dialect, Any, str]] = [
    (OPENAI, openai_piece({"refusal": "No."}, "stop"), "No."),
    (OPENAI, openai_piece({}, "content_filter"), ""),
    (ANTHROPIC, {"type": "message_delta", "delta": {"stop_reason": "refusal"}}, ""),
    (
        ANTHROPIC,
        {
            "type": "message_delta",
            "delta": {"stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "No."}},
        },
        "No.",
    ),
    (GEMINI, gemini_piece(finishReason="SAFETY"), ""),
    (GEMINI, gemini_piece(finishReason="RECITATION"), ""),
    (GEMINI, gemini_piece(finishReason="PROHIBITED_CONTENT"), ""),
    (GEMINI, {"promptFeedback": {"blockReason": "SAFETY"}}, "The provider's policy blocked the prompt (SAFETY)."),
    (GEMINI, {"promptFeedback": {"blockReason": "private"}}, "The provider's policy blocked the prompt (OTHER)."),
]


@pytest.mark.parametrize(("dialect", "event", "text"), REFUSALS)
async def test_a_soft_refusal_is_an_answer_that_says_so(
    strict_adapters: Adapters, dialect: Dialect, event: dict[str, Any], text: str
) -> None:
    async with raw_server(stream(events(event))) as server:
        heard: Heard = await heard_from(strict_adapters, server.url, dialect)
    assert heard.refused
    assert heard.text == text
    assert (heard.message.get("refusal") or "") == text
    assert heard.choice["finish_reason"] in ("stop", "content_filter")


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_hard_refusals_of_content_and_size_are_told_apart(strict_adapters: Adapters, dialect: Dialect) -> None:
    too_long = {"error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}}
    refused = {"error": {"code": "content_policy_violation", "message": "private"}}
    assert type(await failed(strict_adapters, dialect, reply(400, too_long))) is ModelContextTooLong
    assert type(await failed(strict_adapters, dialect, reply(400, refused))) is ModelContentRefused
    assert type(
        await failed(strict_adapters, dialect, reply(400, json.dumps(too_long), {"content-type": "text/plain"}))
    ) is (ModelContextTooLong)
