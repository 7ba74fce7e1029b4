"""The OpenAI chat-completions API as the simulator speaks it, byte by byte over HTTP."""

import json
from typing import Any

import jsonschema
import pytest

from simulators.model_provider.limits import Limit
from simulators.model_provider.settings import Settings
from tests.simulators.served import Provider, Serve


def events(text: str) -> list[Any]:
    """The SSE events of a stream, `[DONE]` as it is."""
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_an_answer_has_the_form_clients_expect(provider: Provider) -> None:
    response = provider.ask("What is 12*7?", headers={"Idempotency-Key": "k1"})
    body = response.json()
    assert body["object"] == "chat.completion"
    assert body["system_fingerprint"] == "longhaul-simulator"
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "12*7 = 84", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == 3
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0}


def test_headers_tell_the_request_and_the_limits(provider: Provider) -> None:
    headers = provider.ask("Hello").headers
    assert headers["x-request-id"].startswith("sim_")
    assert int(headers["x-ratelimit-remaining-requests"]) < int(headers["x-ratelimit-limit-requests"])
    assert headers["x-ratelimit-reset-requests"].endswith("s")
    assert "x-ratelimit-remaining-tokens" in headers


def test_a_stream_comes_in_pieces_and_ends_with_usage(provider: Provider) -> None:
    whole = provider.text("Write a poem about the sea and its ships")
    response = provider.ask(
        "Write a poem about the sea and its ships", stream=True, stream_options={"include_usage": True}
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    *chunks, usage, done = events(response.text)
    assert done == "[DONE]"
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    assert all(chunk["system_fingerprint"] == "longhaul-simulator" for chunk in chunks)
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    deltas = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert "".join(deltas) == whole
    assert len(deltas) > 5
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks][-2:] == [None, "stop"]
    assert (usage["choices"], usage["usage"]["completion_tokens"] > 0) == ([], True)


def test_no_model_name_disturbs_a_stream(provider: Provider) -> None:
    for model in ("@", '"@"', "\\", "a b"):
        chunks = events(provider.ask("What is 12*7?", stream=True, model=model).text)[:-1]
        assert {chunk["model"] for chunk in chunks} == {model}
        assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "12*7 = 84"


def test_a_stream_without_the_option_has_no_usage(provider: Provider) -> None:
    assert "usage" not in provider.ask("Hello", stream=True).text


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_token_bound_cuts(provider: Provider, field: str, stream: bool) -> None:
    response = provider.ask("Write a poem about the sea", **{field: 2, "stream": stream})
    if stream:
        chunks = events(response.text)[:-1]
        text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        reason = chunks[-1]["choices"][0]["finish_reason"]
    else:
        choice = response.json()["choices"][0]
        text, reason = choice["message"]["content"], choice["finish_reason"]
    assert (text, reason) == ("A poem a", "length")


def test_content_may_be_parts(provider: Provider) -> None:
    content = [{"type": "text", "text": "What is"}, {"type": "image_url"}, {"type": "text", "text": "2 + 3?"}]
    body = {"model": "m", "messages": [{"role": "user", "content": content}]}
    answer = provider.http.post("/v1/chat/completions", json=body).json()
    assert answer["choices"][0]["message"]["content"] == "2 + 3 = 5"


def test_json_mode_answers_json_to_anybody(provider: Provider) -> None:
    text = provider.text("What is 2 + 3?", response_format={"type": "json_object"})
    assert json.loads(text) == {"answer": "2 + 3 = 5"}


FOREIGN = {
    "type": "object",
    "$defs": {
        "node": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}
    },
    "properties": {
        "colour": {"enum": ["red", "green"]},
        "age": {"type": "integer", "minimum": 18},
        "mails": {"type": "array", "items": {"type": "string", "format": "email"}, "minItems": 2},
        "node": {"$ref": "#/$defs/node"},
    },
    "required": ["colour", "age", "mails", "node"],
    "additionalProperties": False,
}


def test_a_foreign_schema_is_honoured(provider: Provider) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": FOREIGN}}
    value = json.loads(provider.text("Anything", response_format=form))
    jsonschema.validate(value, FOREIGN)
    assert value["colour"] == "red"


def test_lone_surrogates_and_deep_nesting_do_no_harm(provider: Provider) -> None:
    raw = b'{"model": "m", "messages": [{"role": "user", "content": "count \\ud800 words"}]}'
    assert provider.http.post("/v1/chat/completions", content=raw).status_code == 200
    assert provider.http.post("/v1/chat/completions", content=b"[" * 100_000).status_code == 400
    assert provider.text('{"a":' * 50_000)


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"messages": [{"role": "user", "content": "x"}]}, "model", "missing_required_parameter"),
        ({"model": "m"}, "messages", "invalid_type"),
        ({"model": "m", "messages": []}, "messages", "invalid_type"),
        ({"model": "m", "messages": ["x"]}, "messages[0]", "invalid_type"),
        ({"model": "m", "messages": [{"content": "x"}]}, "messages[0].role", "invalid_type"),
        ({"model": "m", "messages": [{"role": "user", "content": 1}]}, "messages[0].content", "invalid_type"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"stream_options": 1}, "stream_options", "invalid_type"),
        ({"max_tokens": 0}, "max_tokens", "invalid_type"),
        ({"max_completion_tokens": True}, "max_completion_tokens", "invalid_type"),
        ({"response_format": "json"}, "response_format", "invalid_value"),
        (
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema.schema",
            "missing_required_parameter",
        ),
    ],
)
def test_bad_requests_say_what_is_wrong(provider: Provider, body: dict[str, Any], param: str, code: str) -> None:
    if not {"model", "messages"} & body.keys():
        body = {"model": "m", "messages": [{"role": "user", "content": "x"}]} | body
    response = provider.http.post("/v1/chat/completions", json=body)
    error = response.json()["error"]
    assert response.status_code == 400
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert provider.calls()[-1]["status"] == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(provider: Provider, body: bytes) -> None:
    response = provider.http.post("/v1/chat/completions", content=body)
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")


def test_other_paths_and_methods_get_the_envelope(provider: Provider) -> None:
    assert provider.http.get("/v1/nothing").json()["error"]["code"] == "not_found"
    assert provider.http.get("/v1/chat/completions").status_code == 405


def test_models_and_health(provider: Provider) -> None:
    assert [model["id"] for model in provider.http.get("/v1/models").json()["data"]] == ["longhaul-simulated"]
    assert provider.http.get("/healthz").json() == {"status": "ok"}


def test_a_configured_key_is_asked_for(serve_with: Serve) -> None:
    provider = serve_with(Settings(api_keys=frozenset({"right"})))
    assert provider.ask("Hello").json()["error"]["code"] == "invalid_api_key"
    assert provider.ask("Hello", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert provider.http.get("/v1/models").status_code == 401
    assert provider.ask("Hello", headers={"Authorization": "Bearer right"}).status_code == 200


def test_only_configured_models_exist(serve_with: Serve) -> None:
    provider = serve_with(Settings(models=("a", "b")))
    response = provider.ask("Hello")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")
    assert provider.ask("Hello", model="b").json()["model"] == "b"


def test_an_enforced_rate_limit_answers_429(serve_with: Serve) -> None:
    provider = serve_with(Settings(limit=Limit(rpm=2)))
    responses = [provider.ask("Hello") for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert responses[1].headers["x-ratelimit-remaining-requests"] == "0"
    assert 1 <= int(responses[2].headers["retry-after"]) <= 61
    assert responses[2].json()["error"]["code"] == "rate_limit_exceeded"


def test_a_long_system_prompt_is_cached_the_second_time(provider: Provider) -> None:
    messages = [{"role": "system", "content": "x" * 6000}, {"role": "user", "content": "Hello"}]
    body = {"model": "cached", "messages": messages}
    usages = [provider.http.post("/v1/chat/completions", json=body).json()["usage"] for _ in range(2)]
    assert [usage["prompt_tokens_details"]["cached_tokens"] for usage in usages] == [0, 1408]
