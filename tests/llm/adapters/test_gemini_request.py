"""Requests of the OpenAI API as Gemini's."""

import json
import struct
from base64 import b64decode
from typing import Any

import pytest

from domain.budget import Usage
from domain.errors import ModelAnswerInvalid, ModelRejected
from domain.model_pool import Dialect
from services.llm.adapters.gemini_api.request import Terms, Thinking, body
from tests.llm.adapters.asking import Adapters, chat_request, heard_from, plain_request, target, task
from tests.llm.adapters.raw_server import events, raw_server, reply, stream
from tests.llm.adapters.said import hello

GEMINI = Dialect.GEMINI
OK = stream(events(*hello(GEMINI)))
LOOK: dict[str, Any] = {"name": "look", "description": "Look up.", "parameters": {"type": "object"}, "strict": True}
SCHEMA: dict[str, Any] = {"type": "object"}
SIGNED = {"extra_content": {"google": {"thought_signature": "sig=="}}}


def sent(terms: Terms | None = None, /, *, most: int | None = None, **fields: Any) -> Any:
    return json.loads(body(chat_request("g", most=most, **fields), terms or Terms()))


def contents(*told: dict[str, Any]) -> Any:
    return sent(messages=list(told))["contents"]


def refusal(message: str) -> bytes:
    return reply(400, {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}})


async def test_a_plain_chat_goes_to_the_streaming_method(adapters: Adapters) -> None:
    async with raw_server(OK) as server:
        await heard_from(adapters, server.url, GEMINI, chat_request("gemini-x", most=7))
    (asked,) = server.asked
    assert asked.line == "POST /gemini/v1beta/models/gemini-x:streamGenerateContent?alt=sse HTTP/1.1"
    hello_ = {"role": "user", "parts": [{"text": "Hello"}]}
    assert asked.json == {"contents": [hello_], "generationConfig": {"maxOutputTokens": 7}}


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("models/gemini-x", "models/gemini-x"),
        ("tunedModels/mine", "tunedModels/mine"),
        ("../../secrets?x=#", "models/..%2F..%2Fsecrets%3Fx%3D%23"),
    ],
)
async def test_a_models_name_leads_nowhere_else(adapters: Adapters, model: str, path: str) -> None:
    async with raw_server(OK) as server:
        await heard_from(adapters, server.url, GEMINI, chat_request(model))
    assert server.asked[0].line == f"POST /gemini/v1beta/{path}:streamGenerateContent?alt=sse HTTP/1.1"


def test_instructions_stand_apart() -> None:
    told = sent(
        messages=[
            {"role": "system", "content": "One."},
            {"role": "user", "content": "Hello"},
            {"role": "developer", "content": "Two."},
        ]
    )
    assert told["systemInstruction"] == {"parts": [{"text": "One."}, {"text": "Two."}]}
    assert [content["role"] for content in told["contents"]] == ["user"]
    alone = sent(messages=[{"role": "system", "content": "Sing."}])
    assert alone["contents"] == [{"role": "user", "parts": [{"text": "Sing."}]}]


def test_images_files_and_sounds_become_parts() -> None:
    (content,) = contents(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See."},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}},
                {"type": "file", "file": {"file_id": "https://example.org/files/1"}},
                {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "mp3"}},
                {"videoMetadata": {"fps": 1}},
            ],
        }
    )
    assert content["parts"] == [
        {"text": "See."},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"fileData": {"fileUri": "https://example.org/x.png"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "BBBB"}},
        {"fileData": {"fileUri": "https://example.org/files/1"}},
        {"inlineData": {"mimeType": "audio/mp3", "data": "CCCC"}},
        {"videoMetadata": {"fps": 1}},
    ]


def test_calls_and_their_results_become_parts_in_turns_that_alternate() -> None:
    told = contents(
        {"role": "user", "content": "Look."},
        {
            "role": "assistant",
            "content": "Looking.",
            **SIGNED,
            "tool_calls": [
                {"id": "c1", "function": {"name": "look", "arguments": '{"at": 1}'}, **SIGNED},
                {"id": "c2", "function": {"name": "list", "arguments": '{"half": '}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '{"found": true}'},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}]},
        {"role": "tool", "tool_call_id": "c3", "name": "named", "content": "[1]"},
        {"role": "assistant", "content": None, **SIGNED},
    )
    assert [content["role"] for content in told] == ["user", "model", "user", "model"]
    assert told[1]["parts"] == [
        {"text": "Looking.", "thoughtSignature": "sig=="},
        {"functionCall": {"id": "c1", "name": "look", "args": {"at": 1}}, "thoughtSignature": "sig=="},
        {"functionCall": {"id": "c2", "name": "list", "args": {"arguments": '{"half": '}}},
    ]
    assert told[2]["parts"] == [
        {"functionResponse": {"id": "c1", "name": "look", "response": {"found": True}}},
        {"functionResponse": {"id": "c2", "name": "list", "response": {"result": "two"}}},
        {"functionResponse": {"id": "c3", "name": "named", "response": {"result": [1]}}},
    ]
    assert told[3]["parts"] == [{"text": "", "thoughtSignature": "sig=="}]


ODD: list[dict[str, Any]] = [
    {"messages": None},
    {"messages": [7]},
    {"messages": [{"role": "user", "content": {"text": "Hello"}}]},
    {"messages": [{"role": "function", "content": "Hello"}]},
    {"messages": [{"role": "tool", "tool_call_id": "c9", "content": "Hello"}]},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "gopher://x"}]}]},
    {"functions": [{"name": "f"}]},
]


@pytest.mark.parametrize("fields", ODD)
def test_what_cannot_be_said_is_rejected(fields: dict[str, Any]) -> None:
    with pytest.raises(ModelRejected):
        sent(**fields)


NAMED: dict[str, Any] = {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (None, None),
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        (NAMED, {"mode": "ANY", "allowedFunctionNames": ["look"]}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED]}},
            {"mode": "ANY", "allowedFunctionNames": ["look"]},
        ),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}}, {"mode": "AUTO"}),
        ("strange", None),
        ({"type": "strange"}, None),
    ],
)
def test_tools_are_translated(choice: Any, config: dict[str, Any] | None) -> None:
    tools: list[Any] = [{"type": "function", "function": LOOK}, {"googleSearch": {}}]
    told = sent(tools=tools, tool_choice=choice)
    declared = {"name": "look", "description": "Look up.", "parametersJsonSchema": {"type": "object"}}
    assert told["tools"] == [{"functionDeclarations": [declared]}, {"googleSearch": {}}]
    assert told.get("toolConfig") == (None if config is None else {"functionCallingConfig": config})


def test_a_choice_without_tools_is_left_out() -> None:
    assert "toolConfig" not in sent(tool_choice="required")


def test_other_fields_are_translated_relayed_or_left_out() -> None:
    told = sent(
        most=100,
        temperature=1.7,
        top_p=0.9,
        top_k=5,
        n=2,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=None,
        stop="END",
        user="u1",
        logprobs=True,
        safetySettings=[{"category": "x"}],
        gemini={"cachedContent": "c", "contents": [], "generationConfig": {"maxOutputTokens": 10**9, "new": 1}},
    )
    del told["contents"]
    assert told == {
        "generationConfig": {
            "temperature": 1.7,
            "topP": 0.9,
            "topK": 5,
            "candidateCount": 2,
            "seed": 7,
            "presencePenalty": 0.1,
            "stopSequences": ["END"],
            "new": 1,
            "maxOutputTokens": 100,
        },
        "safetySettings": [{"category": "x"}],
        "cachedContent": "c",
    }
    assert sent(stop=["a", "b"])["generationConfig"] == {"stopSequences": ["a", "b"]}
    assert "generationConfig" not in sent()


@pytest.mark.parametrize(
    ("how", "effort", "told"),
    [
        (Thinking.LEVEL, "minimal", {"thinkingLevel": "MINIMAL", "includeThoughts": True}),
        (Thinking.LEVEL, "high", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (Thinking.BUDGET, "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
        (Thinking.LEVEL, "none", {"thinkingBudget": 0}),
        (Thinking.UNTOLD, "high", None),
        (Thinking.LEVEL, "strange", None),
        (Thinking.LEVEL, 7, None),
    ],
)
def test_effort_becomes_thinking(how: Thinking, effort: Any, told: dict[str, Any] | None) -> None:
    config = sent(Terms(thinking=how), reasoning_effort=effort).get("generationConfig", {})
    assert config.get("thinkingConfig") == told


def test_json_is_asked_for() -> None:
    given = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    form = {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    assert sent(response_format=given)["generationConfig"] == form
    assert sent(response_format={"type": "json_object"})["generationConfig"] == {"responseMimeType": "application/json"}
    assert "generationConfig" not in sent(response_format={"type": "text"})


async def test_a_task_of_our_own_is_asked_in_words_where_its_schema_is_not_taken(adapters: Adapters) -> None:
    async with raw_server(refusal("Unknown name response_json_schema"), OK) as server:
        await heard_from(adapters, server.url, GEMINI, task())
    first, second = (asked.json for asked in server.asked)
    assert first["generationConfig"]["responseJsonSchema"]["properties"]["ok"]
    assert second["generationConfig"] == {"maxOutputTokens": 1000, "responseMimeType": "application/json"}
    assert '"ok"' in second["systemInstruction"]["parts"][-1]["text"]


async def test_a_callers_schema_is_not_weakened(adapters: Adapters) -> None:
    given: dict[str, Any] = {"type": "json_schema", "json_schema": {"schema": {}}}
    async with raw_server(refusal("the schema has too many states")) as server:
        with pytest.raises(ModelRejected):
            await heard_from(adapters, server.url, GEMINI, chat_request(response_format=given))
    assert len(server.asked) == 1


async def test_older_models_think_by_tokens_and_the_oldest_not_at_all(adapters: Adapters) -> None:
    no = refusal("Thinking level is not supported for this model."), refusal("thinking_budget is not supported")
    async with raw_server(*no, OK) as server:
        for _ in range(2):
            await heard_from(adapters, server.url, GEMINI, chat_request(reasoning_effort="low"))
    configs = [asked.json["generationConfig"].get("thinkingConfig") for asked in server.asked]
    assert configs == [
        {"thinkingLevel": "LOW", "includeThoughts": True},
        {"thinkingBudget": 1024, "includeThoughts": True},
        None,
        None,
    ]


async def test_calls_that_another_model_made_are_signed_when_signatures_are_asked_for(adapters: Adapters) -> None:
    calls = [{"id": "c1", "function": {"name": "look"}}, {"id": "c2", "function": {"name": "look"}}]
    history = [{"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": "c1", "content": "one"}]
    async with raw_server(refusal("Function call is missing a thought_signature"), OK) as server:
        for _ in range(2):
            await heard_from(adapters, server.url, GEMINI, chat_request(messages=history))
    signatures = [
        [part.get("thoughtSignature") for part in asked.json["contents"][0]["parts"]] for asked in server.asked
    ]
    assert signatures == [[None, None], ["skip_thought_signature_validator", None], [None, None]]


@pytest.mark.parametrize("given", ["a", ["a", "b"]])
async def test_embeddings_are_asked_for_in_one_batch(adapters: Adapters, given: Any) -> None:
    texts = [given] if isinstance(given, str) else given
    told = {
        "embeddings": [{"values": [0.5, place]} for place, _ in enumerate(texts)],
        "usageMetadata": {"promptTokenCount": 3},
    }
    async with raw_server(reply(200, told)) as server:
        request = plain_request("embedder", input=given, dimensions=2, user="u")
        answer = await adapters[GEMINI].embed(target(server.url, GEMINI), request)
    (asked,) = server.asked
    assert asked.line == "POST /gemini/v1beta/models/embedder:batchEmbedContents HTTP/1.1"
    assert asked.json["requests"] == [
        {"model": "models/embedder", "content": {"parts": [{"text": text}]}, "outputDimensionality": 2}
        for text in texts
    ]
    assert answer.body == {
        "object": "list",
        "data": [{"object": "embedding", "index": place, "embedding": [0.5, place]} for place, _ in enumerate(texts)],
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    assert answer.usage == Usage(input_tokens=3)


async def test_embeddings_are_packed_where_that_is_asked_for(adapters: Adapters) -> None:
    async with raw_server(reply(200, {"embeddings": [{"values": [0.5, -1]}]})) as server:
        request = plain_request(input="a", encoding_format="base64")
        answer = await adapters[GEMINI].embed(target(server.url, GEMINI), request)
    assert struct.unpack("<2f", b64decode(answer.body["data"][0]["embedding"])) == (0.5, -1)
    assert answer.usage is None
    assert "usage" not in answer.body


@pytest.mark.parametrize("given", [7, [], [7], [[1, 2]], None])
async def test_tokens_are_not_embedded(adapters: Adapters, given: Any) -> None:
    with pytest.raises(ModelRejected):
        await adapters[GEMINI].embed(target("http://127.0.0.1:1", GEMINI), plain_request(input=given))


BAD_EMBEDDINGS: list[Any] = [
    {},
    {"embeddings": "x"},
    {"embeddings": []},
    {"embeddings": [{}]},
    {"embeddings": [{"values": []}]},
    {"embeddings": [{"values": ["a"]}]},
    {"embeddings": [{"values": [float("nan")]}]},
    {"embeddings": [{"values": [1]}, {"values": [2]}]},
    [],
    "x",
]


@pytest.mark.parametrize("told", BAD_EMBEDDINGS)
async def test_embeddings_that_are_none_are_told_apart(adapters: Adapters, told: Any) -> None:
    async with raw_server(reply(200, json.dumps(told))) as server:
        with pytest.raises(ModelAnswerInvalid):
            await adapters[GEMINI].embed(target(server.url, GEMINI), plain_request(input="a"))


async def test_there_are_no_completions(adapters: Adapters) -> None:
    with pytest.raises(ModelRejected):
        await adapters[GEMINI].complete(target("http://127.0.0.1:1", GEMINI), plain_request(prompt="a"))


async def test_models_are_listed(adapters: Adapters) -> None:
    told = {"models": [{"name": "models/a"}, {"name": "tunedModels/b"}, {"name": 7}]}
    async with raw_server(reply(200, told), reply(200, {})) as server:
        assert await adapters[GEMINI].models(target(server.url, GEMINI)) == ("a", "tunedModels/b")
        with pytest.raises(ModelAnswerInvalid):
            await adapters[GEMINI].models(target(server.url, GEMINI))
    assert server.asked[0].line == "GET /gemini/v1beta/models?pageSize=1000 HTTP/1.1"
