"""OpenAI's Responses API over the real database, with calls made by hand."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from domain.gateway import CallError
from tests.api.gateway.maker import Maker, model
from tests.api.gateway.saying import call, thought, words
from tests.workflows.product import parse_sse

Json = dict[str, Any]
PATH = "/v1/responses"
BROKEN = CallError(status=502, type="server_error", code="upstream_error", message="it broke")


def asked(name: str, **fields: Any) -> Json:
    return {"model": name, "input": "Hello", **fields}


def events_of(answer: httpx.Response) -> list[Json]:
    events = parse_sse(answer.text)
    told = [json.loads(event["data"]) for event in events]
    assert [event["event"] for event in events] == [each["type"] for each in told]
    return told


async def test_a_response_is_answered_whole(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    asking = asyncio.create_task(gate.post(PATH, json=asked(name, metadata={"a": "b"})))
    call_id = await maker.answer(name, "Good ", "day")
    answer = await asking
    response = answer.json()
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-longhaul-request-id"] == call_id
    assert (response["object"], response["status"], response["store"]) == ("response", "completed", False)
    assert response["output"][0]["content"][0]["text"] == "Good day"
    assert response["usage"]["total_tokens"] == 18
    assert response["metadata"] == {"a": "b"}
    assert response["longhaul"]["account"] == "sim-a"


async def test_a_response_is_streamed_as_it_comes(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    chunks = [*thought("hm"), *words("Go", "od"), call(0, id="t1", name="f", arguments='{"a":1}')]
    asking = asyncio.create_task(gate.post(PATH, json=asked(name, stream=True)))
    call_id = await maker.call(name)
    maker.begun(call_id)
    maker.tell(call_id, chunks)
    await maker.finish(call_id, chunks, finish_reason="tool_calls")
    told = events_of(await asking)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [event["item"]["type"] for event in told if event["type"] == "response.output_item.added"] == [
        "reasoning",
        "message",
        "function_call",
    ]
    assert told[-1]["type"] == "response.completed"
    assert told[-1]["response"]["longhaul"]["cost_micros"] == 250


async def test_an_error_before_the_answer_keeps_its_status(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    asking = asyncio.create_task(gate.post(PATH, json=asked(name, stream=True)))
    await maker.fail(await maker.call(name), BROKEN)
    answer = await asking
    assert answer.status_code == 502
    assert answer.json() == {
        "error": {"message": "it broke", "type": "server_error", "param": None, "code": "upstream_error"}
    }


async def test_an_answer_that_breaks_off_ends_failed(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    asking = asyncio.create_task(gate.post(PATH, json=asked(name, stream=True)))
    call_id = await maker.call(name)
    maker.begun(call_id)
    maker.tell(call_id, words("Go"))
    await maker.fail(call_id, BROKEN)
    last = events_of(await asking)[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["error"]["message"] == "it broke"
    assert last["response"]["output"][0]["content"][0]["text"] == "Go"


async def test_a_client_comes_back_for_the_events_it_has_not_seen(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    key = {"Idempotency-Key": name}
    asking = asyncio.create_task(gate.post(PATH, json=asked(name, stream=True), headers=key))
    await maker.answer(name, "a", "b")
    whole = parse_sse((await asking).text)
    headers = {**key, "Last-Event-ID": whole[3]["id"]}
    again = parse_sse((await gate.post(PATH, json=asked(name, stream=True), headers=headers)).text)
    assert [event["id"] for event in again] == [event["id"] for event in whole[4:]]
    assert again[:-1] == whole[4:-1]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"store": True}, "store"),
        ({"background": True}, "background"),
        ({"conversation": {"id": "c"}}, "conversation"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"input": []}, "input"),
    ],
)
async def test_what_is_not_built_is_refused_by_its_place(gate: httpx.AsyncClient, fields: Json, param: str) -> None:
    answer = await gate.post(PATH, json=asked(model(), **fields))
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_unknown_models_are_not_found(gate: httpx.AsyncClient) -> None:
    answer = await gate.post(PATH, json=asked("no-such-model"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


async def test_a_job_is_accepted_and_read_as_a_chat(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    accepted = await gate.post(PATH, json=asked(name, longhaul={"async": True}))
    assert accepted.status_code == 202, accepted.text
    await maker.finish(accepted.json()["id"], words("done"))
    seen = (await gate.get(f"/v1/calls/{accepted.json()['id']}")).json()
    assert seen["answer"]["choices"][0]["message"]["content"] == "done"
