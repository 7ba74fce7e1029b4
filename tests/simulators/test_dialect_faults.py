"""Scripted faults are the same in every dialect, each worded in its own way."""

import json
from typing import Any

import httpx
import pytest

from simulators.model_provider.json_value import Json, as_list, as_object
from tests.simulators.dialects import ALL, GEMINI, Spoken, events
from tests.simulators.served import Provider

pytestmark = pytest.mark.parametrize("spoken", ALL, ids=str)


def numbers(value: Json) -> list[Json]:
    """All leaves of a JSON value that are not names."""
    fields = as_object(value)
    items = list(fields.values()) if fields is not None else as_list(value)
    if items is not None:
        return [leaf for item in items for leaf in numbers(item)]
    return [] if value in ("standard", "TEXT") else [value]


@pytest.mark.parametrize("stream", [False, True])
def test_literal_answers(provider: Provider, spoken: Spoken, stream: bool) -> None:
    provider.fault({"answer": 'a "quoted" word,\nand more of them'})
    response = spoken.ask(provider, stream=stream)
    text = spoken.streamed_text(response) if stream else spoken.text(response.json())
    assert text == 'a "quoted" word,\nand more of them'


@pytest.mark.parametrize("stream", [False, True])
def test_an_empty_answer(provider: Provider, spoken: Spoken, stream: bool) -> None:
    provider.fault({"empty": True})
    response = spoken.ask(provider, stream=stream)
    assert (spoken.streamed_text(response) if stream else spoken.text(response.json())) == ""


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 413, 429, 500, 503, 529])
def test_a_status_has_the_dialects_envelope(provider: Provider, spoken: Spoken, stream: bool, status: int) -> None:
    provider.fault({"status": status})
    response = spoken.ask(provider, stream=stream)
    error = response.json()["error"]
    assert (response.status_code, error["message"]) == (status, f"scripted status {status}")
    if spoken is GEMINI:
        assert (error["code"], error["status"].isupper()) == (status, True)
    else:
        assert error["type"]


def test_a_bad_body_and_a_bad_event_are_no_json(provider: Provider, spoken: Spoken) -> None:
    provider.fault({"bad_json": True})
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|Invalid"):
        spoken.ask(provider).json()
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|Invalid"):
        events(spoken.ask(provider, stream=True).text)


@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_connection(provider: Provider, spoken: Spoken, stream: bool) -> None:
    provider.fault({"cut_stream_after": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        spoken.ask(provider, "Write about owls and cats", stream=stream)


def test_an_error_may_stand_inside_an_answer_of_status_200(provider: Provider, spoken: Spoken) -> None:
    provider.fault({"stream_error": {"after": 1, "status": 503}})
    whole, streamed = spoken.ask(provider, "Write about owls"), spoken.ask(provider, "Write about owls", stream=True)
    assert (whole.status_code, streamed.status_code) == (200, 200)
    *said, last = events(streamed.text)
    assert whole.json()["error"] == last["error"]
    assert "".join(spoken.delta(event) for event in said)


@pytest.mark.parametrize(
    ("wrong", "possible"), [("negative", {-2, -1, 0}), ("huge", {0, 10**12, 2 * 10**12}), ("zero", {0})]
)
def test_usage_may_be_told_in_wrong_numbers(provider: Provider, spoken: Spoken, wrong: str, possible: set[int]) -> None:
    provider.fault({"wrong_usage": wrong})
    told = numbers(spoken.usage(spoken.ask(provider).json()))
    assert set(told) <= possible
    assert len(told) > 2
    (call,) = provider.calls()
    assert 0 < call["tokens"] < 1000


@pytest.mark.parametrize(("wrong", "kind"), [("text", str), ("fraction", float), ("null", type(None)), ("list", int)])
def test_usage_may_be_told_in_wrong_types(provider: Provider, spoken: Spoken, wrong: str, kind: type) -> None:
    provider.fault({"wrong_usage": wrong})
    usage = spoken.usage(spoken.ask(provider).json())
    assert {type(leaf) for leaf in numbers(usage)} == {kind}
    assert isinstance(usage, list) == (wrong == "list")


def test_usage_may_be_anything_or_missing(provider: Provider, spoken: Spoken) -> None:
    provider.fault({"wrong_usage": {"tokens": "many"}}, times=1)
    provider.fault({"wrong_usage": "missing"})
    assert spoken.usage(spoken.ask(provider).json()) == {"tokens": "many"}
    assert "usage" not in spoken.ask(provider).text.lower()
    assert "usage" not in spoken.ask(provider, stream=True).text.lower()


def test_a_tool_call_may_be_scripted_though_no_tool_was_offered(provider: Provider, spoken: Spoken) -> None:
    provider.fault({"tool_call": {"name": "delete_all", "arguments": {"sure": True}}})
    for text in (spoken.ask(provider).text, spoken.ask(provider, stream=True).text):
        assert "delete_all" in text
        assert "sure" in text


@pytest.mark.parametrize("stream", [False, True])
def test_a_text_may_come_before_a_tool_call(provider: Provider, spoken: Spoken, stream: bool) -> None:
    provider.fault({"answer": "I look it up.", "tool_call": {"name": "look_up"}})
    response = spoken.ask(provider, stream=stream)
    assert (spoken.streamed_text(response) if stream else spoken.text(response.json())) == "I look it up."
    assert "look_up" in response.text


def test_arguments_may_be_no_json(provider: Provider, spoken: Spoken) -> None:
    provider.fault({"tool_call": {"name": "f", "arguments": '{"a": '}})
    text = spoken.ask(provider).text
    arguments = {"openai": '"arguments":"{\\"a\\": "', "anthropic": '"input":{}', "gemini": '"args":{}'}
    assert arguments[spoken.name] in text


def test_reasoning_may_be_scripted(provider: Provider, spoken: Spoken) -> None:
    provider.fault({"reasoning": "Let me see."})
    fields: dict[str, Any] = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    more = fields if spoken is GEMINI else {}
    assert "Let me see." in spoken.ask(provider, **more).text
    assert "Let me see." in spoken.ask(provider, stream=True, **more).text.replace('"}', "see.")
    assert provider.calls()[0]["usage"]["completion_tokens_details"]["reasoning_tokens"] == 3


def test_headers_take_the_place_of_the_usual_ones(provider: Provider, spoken: Spoken) -> None:
    told = {
        "x-ratelimit-remaining-requests": "7",
        "Anthropic-Ratelimit-Requests-Remaining": "7",
        "content-type": "text/html",
    }
    provider.fault({"headers": told})
    for stream in (False, True):
        headers = spoken.ask(provider, stream=stream).headers
        assert all(headers.get_list(name) == [value] for name, value in told.items())


def test_a_first_token_may_be_slow_while_the_head_is_not(provider: Provider, spoken: Spoken) -> None:
    provider.fault({"slow_first_token_s": 30.0})
    for stream, path in ((True, spoken.stream_path), (False, spoken.path)):
        body = spoken.body("x") | ({"stream": True} if stream and spoken is not GEMINI else {})
        headers = spoken.headers | {spoken.key: "Bearer k"}
        with provider.http.stream("POST", path, json=body, headers=headers, timeout=0.3) as response:
            assert response.status_code == 200
            with pytest.raises(httpx.ReadTimeout):
                next(response.iter_bytes())


def test_a_slow_answer_comes_whole_in_the_end(provider: Provider, spoken: Spoken) -> None:
    provider.fault({"slow_first_token_s": 0.01, "delay_s": 0.01, "chunk_delay_s": 0.01})
    assert spoken.text(spoken.ask(provider).json()) == "12*7 = 84"
    assert spoken.streamed_text(spoken.ask(provider, stream=True)) == "12*7 = 84"


def test_faults_may_be_for_one_account_or_one_dialect(provider: Provider, spoken: Spoken) -> None:
    provider.fault({"status": 401}, match={"key": "dead"})
    provider.fault({"status": 503}, match={"dialect": spoken.name, "stream": True})
    assert spoken.ask(provider, key="dead").status_code == 401
    assert spoken.ask(provider, key="alive").status_code == 200
    for other in ALL:
        expected = 503 if other is spoken else 200
        assert other.ask(provider, key="alive", stream=True).status_code == expected


RAW: list[tuple[dict[str, Any], bytes]] = [
    ({"status": 200, "headers": {"content-type": "text/html"}, "body": "<html>"}, b"<html>"),
    ({"body_base64": json.loads('"AAH/"')}, b"\x00\x01\xff"),
    ({"body": "ab", "repeat": 3, "piece_bytes": 1}, b"ababab"),
    ({"status": 302, "headers": {"location": "http://169.254.169.254/"}}, b""),
]


@pytest.mark.parametrize(("raw", "body"), RAW)
def test_an_answer_may_be_given_byte_by_byte(
    provider: Provider, spoken: Spoken, raw: dict[str, Any], body: bytes
) -> None:
    provider.fault({"raw": raw})
    response = spoken.ask(provider, stream=True)
    assert (response.status_code, response.content) == (raw.get("status", 200), body)
    assert all(response.headers[name] == value for name, value in raw.get("headers", {}).items())
    assert provider.calls()[-1]["tokens"] == 0


def test_a_raw_answer_may_break_off_or_never_end(provider: Provider, spoken: Spoken) -> None:
    provider.fault({"raw": {"body": "data: {", "end": "cut"}}, times=1)
    provider.fault({"raw": {"body": "data: {", "headers": {"content-length": "100"}, "end": "cut"}}, times=1)
    provider.fault({"raw": {"body": "x", "end": "hang"}}, times=1)
    provider.fault({"raw": {"body": "x", "repeat": 10_000_000, "pause_s": 0.01}}, times=1)
    for error in (httpx.RemoteProtocolError, httpx.RemoteProtocolError, httpx.ReadTimeout):
        with pytest.raises(error):
            provider.http.post(
                spoken.path, json=spoken.body("x"), headers=spoken.headers | {spoken.key: "Bearer k"}, timeout=0.3
            )
    with provider.http.stream(
        "POST", spoken.path, json=spoken.body("x"), headers=spoken.headers | {spoken.key: "Bearer k"}
    ) as endless:
        assert next(endless.iter_bytes()) == b"x"
