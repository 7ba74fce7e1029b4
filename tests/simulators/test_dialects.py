"""One model behind three dialects: the same question has the same answer, and the log says the same of it."""

import json
from typing import Any

import pytest

from simulators.model_provider.calls import account_of
from simulators.model_provider.json_value import Json, JsonObject
from simulators.model_provider.settings import Settings
from tests.simulators.dialects import ALL, ANTHROPIC, GEMINI, OPENAI, Spoken, events
from tests.simulators.served import Provider, Serve

STEP = json.dumps({"task": "step", "step_id": "s1", "prompt": "Write about owls", "language": "en"})


@pytest.mark.parametrize("text", ["What is 12*7?", "Write a poem about the sea and its ships", STEP])
def test_an_answer_is_the_same_in_all_dialects_streamed_or_not(provider: Provider, text: str) -> None:
    answers = {spoken.text(spoken.ask(provider, text).json()) for spoken in ALL}
    answers |= {spoken.streamed_text(spoken.ask(provider, text, stream=True)) for spoken in ALL}
    assert len(answers) == 1


@pytest.mark.parametrize("spoken", ALL, ids=str)
def test_a_call_is_logged_in_any_dialect(provider: Provider, spoken: Spoken) -> None:
    spoken.ask(provider, STEP, key="secret-1")
    (call,) = provider.calls()
    seen = {name: call[name] for name in ("dialect", "kind", "account", "model", "step_id", "status", "aborted")}
    assert seen == {
        "dialect": spoken.name,
        "kind": "chat",
        "account": account_of("secret-1"),
        "model": "m",
        "step_id": "s1",
        "status": 200,
        "aborted": False,
    }
    assert call["tokens"] == call["usage"]["total_tokens"] > 0
    assert call["arrived_s"] <= call["first_byte_s"] <= call["ended_s"]
    assert call["arrived_at"] <= call["first_byte_at"] <= call["ended_at"]
    assert "secret-1" not in json.dumps(call)


def test_geminis_stream_without_events_is_an_array(provider: Provider) -> None:
    path = GEMINI.stream_path.removesuffix("?alt=sse")
    response = provider.http.post(path, json=GEMINI.body("Write about owls"), headers={GEMINI.key: "k"})
    assert response.headers["content-type"] == "application/json"
    chunks = response.json()
    assert len(chunks) > 2
    assert "".join(GEMINI.text(chunk) for chunk in chunks) == GEMINI.text(
        GEMINI.ask(provider, "Write about owls").json()
    )


def test_geminis_fields_may_be_spelt_with_underscores(provider: Provider) -> None:
    system: JsonObject = {"parts": [{"text": "Be brief."}]}
    answer = GEMINI.ask(provider, system_instruction=system, generation_config={"max_output_tokens": 1}).json()
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_geminis_single_embedding(provider: Provider) -> None:
    def embed(verb: str, body: Json) -> Json:
        answer = provider.http.post(f"/gemini/v1beta/models/e:{verb}", json=body, headers={GEMINI.key: "k"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    content = {"content": {"parts": [{"text": "Cats"}]}, "outputDimensionality": 4}
    single = embed("embedContent", content)["embedding"]
    assert len(single["values"]) == 4
    assert embed("batchEmbedContents", {"requests": [content]})["embeddings"] == [single]


@pytest.mark.parametrize(
    ("spoken", "base", "listed", "name"),
    [
        (OPENAI, "/v1/models", "data", "id"),
        (ANTHROPIC, "/anthropic/v1/models", "data", "id"),
        (GEMINI, "/gemini/v1beta/models", "models", "displayName"),
    ],
)
def test_models_are_told_to_those_who_may_know(
    serve_with: Serve, spoken: Spoken, base: str, listed: str, name: str
) -> None:
    provider = serve_with(Settings(models=("a", "org/b"), api_keys=frozenset({"right"})))
    right = {spoken.key: "Bearer right" if spoken is OPENAI else "right"} | spoken.headers
    models = provider.http.get(base, headers=right).json()[listed]
    assert [model[name] for model in models] == ["a", "org/b"]
    assert provider.http.get(f"{base}/org/b", headers=right).status_code == 200
    assert provider.http.get(f"{base}/c", headers=right).status_code == 404
    assert provider.http.get(base, headers=spoken.headers | {spoken.key: "wrong"}).status_code in (400, 401)
    assert [call["kind"] for call in provider.calls()] == ["models"] * 4


REFUSED: list[tuple[Spoken, dict[str, Any], str]] = [
    (ANTHROPIC, {"max_tokens": None}, "max_tokens"),
    (ANTHROPIC, {"messages": []}, "messages"),
    (ANTHROPIC, {"messages": [{"role": "system", "content": "x"}]}, "role"),
    (ANTHROPIC, {"messages": [{"role": "user", "content": 1}]}, "content"),
    (ANTHROPIC, {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "non-empty"),
    (ANTHROPIC, {"messages": [{"role": "user", "content": [{"type": "dance"}]}]}, "dance"),
    (
        ANTHROPIC,
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x"}]}]},
        "unexpected",
    ),
    (ANTHROPIC, {"temperature": 1.5}, "temperature"),
    (ANTHROPIC, {"stream_options": {}}, "Extra inputs"),
    (ANTHROPIC, {"thinking": {"type": "enabled", "budget_tokens": 5}}, "budget_tokens"),
    (ANTHROPIC, {"thinking": {"type": "enabled", "budget_tokens": 9000}}, "budget_tokens"),
    (ANTHROPIC, {"thinking": {"type": "deep"}}, "thinking.type"),
    (
        ANTHROPIC,
        {"thinking": {"type": "adaptive"}, "tools": [{"name": "a"}], "tool_choice": {"type": "any"}},
        "forces tool use",
    ),
    (ANTHROPIC, {"tools": [{"name": "a"}], "tool_choice": {"type": "tool", "name": "b"}}, "not found"),
    (ANTHROPIC, {"tools": [{"name": "a"}], "tool_choice": {"type": "some"}}, "tool_choice"),
    (ANTHROPIC, {"output_config": {"format": {"type": "xml"}}}, "output_config"),
    (GEMINI, {"contents": []}, "contents"),
    (GEMINI, {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "valid role"),
    (GEMINI, {"contents": [{"role": "user", "parts": []}]}, "must not be empty"),
    (GEMINI, {"contents": [{"role": "user", "parts": [{}]}]}, "oneof"),
    (GEMINI, {"messages": []}, "Unknown name"),
    (GEMINI, {"generationConfig": {"max_tokens": 5}}, "Unknown name"),
    (GEMINI, {"generationConfig": {"maxOutputTokens": 0}}, "maxOutputTokens"),
    (
        GEMINI,
        {"tools": [{"functionDeclarations": [{"name": "a"}]}], "toolConfig": {"functionCallingConfig": {"mode": "X"}}},
        "mode",
    ),
    (OPENAI, {"messages": [{"role": "tool", "content": "x", "tool_call_id": "c"}]}, "preceding message"),
    (OPENAI, {"tools": [{"function": {"name": ""}}]}, "name"),
    (OPENAI, {"tools": {}}, "tools"),
    (OPENAI, {"tools": ["x"]}, "tools"),
    (OPENAI, {"tools": [{"function": {"name": "a"}}], "tool_choice": {"function": {"name": "b"}}}, "tool_choice"),
    (OPENAI, {"stop": 1}, "stop"),
]


@pytest.mark.parametrize(("spoken", "fields", "said"), REFUSED)
def test_bad_requests_say_what_is_wrong(provider: Provider, spoken: Spoken, fields: dict[str, Any], said: str) -> None:
    response = spoken.ask(provider, **fields)
    assert response.status_code == 400
    assert said in json.dumps(response.json()["error"])
    assert provider.calls()[-1]["status"] == 400


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("embeddings", {"model": "m", "input": []}, "input"),
        ("embeddings", {"model": "m", "input": ""}, "input"),
        ("embeddings", {"model": "m", "input": ["a", 1]}, "input"),
        ("embeddings", {"model": "m", "input": ["a"] * 2049}, "input"),
        ("embeddings", {"model": "m", "input": "a", "dimensions": 5000}, "dimensions"),
        ("embeddings", {"model": "m", "input": "a", "encoding_format": "hex"}, "encoding_format"),
        ("completions", {"model": "m", "prompt": ["a", "b"]}, "prompt"),
        ("completions", {"model": "m"}, "prompt"),
    ],
)
def test_other_bad_requests_say_what_is_wrong(provider: Provider, path: str, body: Json, said: str) -> None:
    response = provider.http.post(f"/v1/{path}", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, said)


def test_a_batch_of_embeddings_is_bounded(provider: Provider) -> None:
    path = "/gemini/v1beta/models/e:batchEmbedContents"
    too_many = [{"content": {"parts": [{"text": "x"}]}}] * 101
    for requests in ([], too_many):
        assert provider.http.post(path, json={"requests": requests}, headers={GEMINI.key: "k"}).status_code == 400
    wide = {"content": {"parts": [{"text": "x"}]}, "outputDimensionality": 5000}
    single = "/gemini/v1beta/models/e:embedContent"
    assert provider.http.post(single, json=wide, headers={GEMINI.key: "k"}).status_code == 400


def test_a_key_is_always_wanted_where_the_api_always_wants_one(provider: Provider) -> None:
    anthropic = provider.http.post(ANTHROPIC.path, json=ANTHROPIC.body("x"), headers=ANTHROPIC.headers)
    assert (anthropic.status_code, anthropic.json()["error"]["type"]) == (401, "authentication_error")
    gemini = provider.http.post(GEMINI.path, json=GEMINI.body("x"))
    assert (gemini.status_code, gemini.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    unversioned = provider.http.post(ANTHROPIC.path, json=ANTHROPIC.body("x"), headers={"x-api-key": "k"})
    assert (unversioned.status_code, "anthropic-version" in unversioned.text) == (400, True)


def test_a_key_may_stand_in_other_places(provider: Provider) -> None:
    for headers in ({"x-goog-api-key": "k"}, {"Authorization": "Bearer k"}):
        assert provider.http.post(GEMINI.path, json=GEMINI.body("x"), headers=headers).status_code == 200
    assert provider.http.post(f"{GEMINI.path}?key=k", json=GEMINI.body("x")).status_code == 200
    headers = ANTHROPIC.headers | {"Authorization": "Bearer k"}
    assert provider.http.post(ANTHROPIC.path, json=ANTHROPIC.body("x"), headers=headers).status_code == 200
    assert {call["account"] for call in provider.calls()} == {account_of("k")}


@pytest.mark.parametrize(
    ("spoken", "status", "word"),
    [(OPENAI, 401, "invalid_api_key"), (ANTHROPIC, 401, "authentication_error"), (GEMINI, 400, "API_KEY_INVALID")],
    ids=str,
)
def test_a_wrong_key_is_refused_in_the_dialects_words(
    serve_with: Serve, spoken: Spoken, status: int, word: str
) -> None:
    provider = serve_with(Settings(api_keys=frozenset({"right"})))
    refused = spoken.ask(provider, key="wrong")
    assert (refused.status_code, word in refused.text) == (status, True)
    assert spoken.ask(provider, key="right").status_code == 200


def test_unknown_paths_answer_in_the_words_of_the_dialect_they_belong_to(provider: Provider) -> None:
    assert provider.http.get("/v1/nothing").json()["error"]["code"] == "not_found"
    assert provider.http.get("/anthropic/v1/nothing").json()["error"]["type"] == "not_found_error"
    assert provider.http.get("/gemini/v1beta/nothing").json()["error"]["status"] == "NOT_FOUND"
    assert provider.http.post("/v1/models").status_code == 405


def test_anthropic_streams_name_their_events(provider: Provider) -> None:
    text = ANTHROPIC.ask(provider, stream=True).text
    named = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert named == [event["type"] for event in events(text)]
    assert named[1] == "ping"
