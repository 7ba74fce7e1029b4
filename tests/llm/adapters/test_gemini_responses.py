"""Responses of the Gemini API as chunks of the OpenAI API."""

import json
from typing import Any

import pytest

from domain.budget import Usage
from domain.errors import ModelAnswerInvalid
from services.llm.adapters.gemini_api.responses import ResponseReader
from services.llm.adapters.gemini_api.usage import read_usage
from tests.llm.adapters.asking import Heard
from tests.llm.adapters.said import gemini_piece


def read(*said: dict[str, Any]) -> Heard:
    reader = ResponseReader()
    chunks = [reader.read(json.dumps(response).encode()) for response in said]
    return Heard([chunk for chunk in chunks if chunk is not None])


def call(**fields: Any) -> dict[str, Any]:
    return {"functionCall": fields}


def test_text_thoughts_and_calls_become_deltas() -> None:
    heard = read(
        gemini_piece({"text": "Let me ", "thought": True}),
        gemini_piece({"text": "see.", "thought": True}, {"text": "Hel"}),
        gemini_piece({"text": "l"}, {"text": "o"}),
        gemini_piece({**call(id="c1", name="look", args={"at": "Ü"}), "thoughtSignature": "sig=="}),
        gemini_piece(call(name="list"), finishReason="STOP"),
        {"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3, "thoughtsTokenCount": 2}},
    )
    assert heard.text == "Hello"
    message = heard.message
    calls = message.pop("tool_calls")
    assert message == {"role": "assistant", "content": "Hello", "reasoning_content": "Let me see."}
    assert calls[0] == {
        "id": "c1",
        "type": "function",
        "function": {"name": "look", "arguments": '{"at":"Ü"}'},
        "extra_content": {"google": {"thought_signature": "sig=="}},
    }
    assert calls[1]["id"].startswith("call_")
    assert calls[1]["function"] == {"name": "list", "arguments": "{}"}
    assert heard.finish_reason == "tool_calls"
    assert heard.usage == Usage(input_tokens=9, output_tokens=5, reasoning_tokens=2)


def test_the_signature_of_a_text_is_kept() -> None:
    heard = read(
        gemini_piece({"text": "Hello"}), gemini_piece({"text": "", "thoughtSignature": "s"}, finishReason="STOP")
    )
    assert heard.message["extra_content"] == {"google": {"thought_signature": "s"}}
    assert heard.message["content"] == "Hello"


def test_pictures_and_what_is_not_known_are_passed_on() -> None:
    heard = read(
        gemini_piece({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}),
        gemini_piece({"executableCode": {"code": "1"}}, finishReason="STOP", groundingMetadata={"x": 1}),
    )
    assert heard.message["images"] == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    assert heard.message["gemini_parts"] == [{"executableCode": {"code": "1"}}]
    assert heard.choice["groundingMetadata"] == {"x": 1}


@pytest.mark.parametrize(
    ("native", "reason", "refused"),
    [
        ("STOP", "stop", False),
        ("MAX_TOKENS", "length", False),
        ("SAFETY", "content_filter", True),
        ("RECITATION", "content_filter", True),
        ("BLOCKLIST", "content_filter", True),
        ("PROHIBITED_CONTENT", "content_filter", True),
        ("SPII", "content_filter", True),
        ("IMAGE_SAFETY", "content_filter", True),
        ("OTHER", "stop", False),
        ("FINISH_REASON_UNSPECIFIED", "stop", False),
        ("BRAND_NEW", "stop", False),
    ],
)
def test_each_reason_to_finish_has_its_name(native: str, reason: str, refused: bool) -> None:
    heard = read(gemini_piece({"text": "x"}, finishReason=native))
    assert (heard.finish_reason, heard.refused) == (reason, refused)
    assert heard.choice["native_finish_reason"] == native


@pytest.mark.parametrize("native", ["MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "TOO_MANY_TOOL_CALLS"])
def test_an_answer_that_the_model_got_wrong_is_none(native: str) -> None:
    with pytest.raises(ModelAnswerInvalid, match=native):
        read(gemini_piece(finishReason=native))


def test_several_candidates_are_several_choices() -> None:
    reader = ResponseReader()
    two = [{"index": index, "content": {"parts": [{"text": f"said {index}"}]}} for index in (1, 0)]
    first = reader.read(json.dumps({"candidates": two}).encode())
    assert first is not None
    assert first.text == "said 0"
    assert [choice["index"] for choice in first.deltas[0]["choices"]] == [1, 0]
    ends: list[tuple[bool, str | None]] = []
    for index, reason in ((0, "STOP"), (1, "MAX_TOKENS")):
        chunk = reader.read(json.dumps({"candidates": [{"index": index, "finishReason": reason}]}).encode())
        ends.append((reader.finished, chunk.finish_reason if chunk else "?"))
    assert ends == [(False, "stop"), (True, None)]


def test_a_finish_that_is_told_with_every_piece_ends_nothing_early() -> None:
    heard = read(gemini_piece({"text": "Hel"}, finishReason="STOP"), gemini_piece({"text": "lo"}, finishReason="STOP"))
    assert (heard.text, heard.finish_reason) == ("Hello", "stop")


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (
            {"promptTokenCount": 9, "cachedContentTokenCount": 4, "candidatesTokenCount": 3, "thoughtsTokenCount": 2},
            Usage(input_tokens=9, cached_tokens=4, output_tokens=5, reasoning_tokens=2),
        ),
        ({"promptTokenCount": 9}, Usage(input_tokens=9)),
        (
            {"promptTokenCount": 9, "toolUsePromptTokenCount": 5, "candidatesTokenCount": 3},
            Usage(input_tokens=14, output_tokens=3),
        ),
        ({"promptTokenCount": 9, "cachedContentTokenCount": 99}, Usage(input_tokens=9, cached_tokens=9)),
        ({"candidatesTokenCount": 3}, None),
        ({"promptTokenCount": "9"}, None),
        ([], None),
    ],
)
def test_output_includes_thoughts(told: Any, usage: Usage | None) -> None:
    assert read_usage(told) == usage
