"""Completions and embeddings: calls that are answered in one piece."""

import asyncio

import httpx
import pytest

from domain.gateway import CallError
from tests.api.gateway.maker import Json, Maker, model
from tests.api.gateway.streams import Stream

BROKEN = CallError(status=502, type="server_error", code="upstream_error", message="it broke")
EMBEDDINGS: Json = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -1.5]}],
    "usage": {"prompt_tokens": 4, "total_tokens": 4},
}
COMPLETION: Json = {
    "id": "cmpl-7",
    "object": "text_completion",
    "created": 1_760_000_000,
    "choices": [{"index": 0, "text": "… a time", "finish_reason": "stop", "logprobs": None}],
    "usage": {"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7},
}


async def ask(gate: httpx.AsyncClient, maker: Maker, path: str, body: Json, answer: Json) -> httpx.Response:
    """Ask, and have the call answered."""

    async def make() -> None:
        await maker.finish(await maker.call(body["model"]), answer, finish_reason=None)

    making = asyncio.create_task(make())
    response = await gate.post(path, json=body)
    await making
    return response


async def test_embeddings_come_as_the_provider_gave_them_under_the_public_name(
    gate: httpx.AsyncClient, maker: Maker
) -> None:
    name = model()
    answer = await ask(gate, maker, "/v1/embeddings", {"model": name, "input": ["a", "b"], "dimensions": 2}, EMBEDDINGS)
    assert answer.status_code == 200
    assert answer.json() == {**EMBEDDINGS, "model": "public"}
    assert answer.headers["x-longhaul-account"] == "sim-a"
    (row,) = await maker.db.fetch("SELECT message, options FROM request WHERE id = $1", (await maker.calls(name))[0])
    assert row["options"]["endpoint"] == "embeddings"
    assert '"dimensions":2' in row["message"]["text"]


async def test_a_completion_comes_whole(gate: httpx.AsyncClient, maker: Maker) -> None:
    body = {"model": model(), "prompt": "Once upon", "max_tokens": 9}
    answer = await ask(gate, maker, "/v1/completions", body, COMPLETION)
    assert answer.json() == {**COMPLETION, "model": "public"}


async def test_a_completion_may_be_a_stream_of_one_piece(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()

    async def make() -> None:
        await maker.finish(await maker.call(name), COMPLETION, finish_reason=None)

    making = asyncio.create_task(make())
    body = {"model": name, "prompt": "Once upon", "stream": True}
    async with gate.stream("POST", "/v1/completions", json=body) as response:
        stream = await Stream(response).read()
    await making
    assert stream.response.headers["content-type"].startswith("text/event-stream")
    assert stream.chunks == [{**COMPLETION, "model": "public"}]
    assert stream.is_done


@pytest.mark.parametrize(
    ("path", "asked"), [("/v1/completions", {"prompt": "x", "stream": True}), ("/v1/embeddings", {"input": "x"})]
)
async def test_failures_keep_their_status(gate: httpx.AsyncClient, maker: Maker, path: str, asked: Json) -> None:
    name = model()

    async def make() -> None:
        await maker.fail(await maker.call(name), BROKEN)

    making = asyncio.create_task(make())
    answer = await gate.post(path, json={"model": name, **asked})
    await making
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")


async def test_the_same_key_at_another_door_is_another_call(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    for number, (path, asked) in enumerate([("/v1/completions", "prompt"), ("/v1/embeddings", "input")], 1):

        async def make(number: int) -> None:
            await maker.finish(await maker.call(name, number), EMBEDDINGS)

        making = asyncio.create_task(make(number))
        answer = await gate.post(path, json={"model": name, asked: "x"}, headers={"Idempotency-Key": name})
        await making
        assert answer.status_code == 200
    assert len(await maker.calls(name)) == 2


@pytest.mark.parametrize(
    ("path", "asked", "param"),
    [
        ("/v1/completions", {}, "prompt"),
        ("/v1/completions", {"prompt": 5}, "prompt"),
        ("/v1/completions", {"prompt": "x", "max_tokens": -1}, "max_tokens"),
        ("/v1/completions", {"prompt": "x", "n": 0}, "n"),
        ("/v1/embeddings", {}, "input"),
        ("/v1/embeddings", {"input": ""}, "input"),
        ("/v1/embeddings", {"input": []}, "input"),
        ("/v1/embeddings", {"input": {"text": "x"}}, "input"),
        ("/v1/embeddings", {"input": "x", "dimensions": 0}, "dimensions"),
    ],
)
async def test_a_wrong_field_is_400_and_named(gate: httpx.AsyncClient, path: str, asked: Json, param: str) -> None:
    answer = await gate.post(path, json={"model": "gate-x", **asked})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/embeddings"])
async def test_unknown_models_and_unreadable_bodies(gate: httpx.AsyncClient, path: str) -> None:
    unknown = await gate.post(path, json={"model": "nobody's", "prompt": "x", "input": "x"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")
    broken = await gate.post(path, content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, "malformed_json")
