import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from temporalio.client import Client

from api.parts import Parts
from api.serving import listen
from runtime.settings import Settings
from services.storage.database import Database
from tests.api.served import client_of, parts_like, serving

JSON = {"content-type": "application/json"}


async def submit(api: httpx.AsyncClient, message: str = "Hello", key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await api.post("/v1/requests", json={"message": message}, headers=headers)


async def test_accepted_request_has_a_workflow_and_links(idle: httpx.AsyncClient, client: Client) -> None:
    answer = await submit(idle)
    accepted = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == accepted["links"]["self"] == f"/v1/requests/{accepted['id']}"
    assert accepted["phase"] == "accepted"
    described = await client.get_workflow_handle(accepted["id"]).describe()
    assert described.workflow_type == "RequestWorkflow"
    assert described.search_attributes["LonghaulOwner"] == ["local"]
    assert described.raw_description.workflow_execution_info.priority.priority_key == 3


@pytest.mark.parametrize("message", ["", "  \n\t "])
async def test_blank_message_is_refused(idle: httpx.AsyncClient, message: str) -> None:
    answer = await submit(idle, message)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "message_empty"


async def test_message_of_one_megabyte_is_refused_and_the_api_goes_on(idle: httpx.AsyncClient) -> None:
    answer = await submit(idle, "x" * 1024 * 1024)
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"
    assert (await idle.get("/livez")).status_code == 200


async def test_streamed_body_over_the_limit_is_refused_while_reading(idle: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(4096):
            sent += 65_536
            yield b"x" * 65_536

    with contextlib.suppress(httpx.TransportError):  # hung up in the middle of the upload
        answer = await idle.post("/v1/requests", content=endless(), headers=JSON)
        assert answer.status_code == 413
    assert sent < 64 * 1024 * 1024


async def test_message_over_the_limit_within_the_body_limit_is_refused(idle: httpx.AsyncClient) -> None:
    answer = await submit(idle, "x" * (256 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.json()["code"] == "message_too_large"


async def test_message_at_the_limit_is_accepted_and_read_back_whole(idle: httpx.AsyncClient) -> None:
    message = "ẞ" * (256 * 1024 // 3)
    accepted = await idle.post(
        "/v1/requests", content=json.dumps({"message": message}, ensure_ascii=False), headers=JSON
    )
    assert accepted.status_code == 202
    read = (await idle.get(accepted.json()["links"]["self"])).json()
    assert read["message"] == message


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"message": "\xff\xfe"}', 400, "not_utf8"),
        (b'{"message": ', 400, "malformed_json"),
        (b'{"message": NaN}', 400, "malformed_json"),
        (b"[" * 100_000, 400, "malformed_json"),
        (b'{"message": "a\\u0000b"}', 422, "invalid_text"),
        (b'{"message": "a\\ud800b"}', 422, "invalid_text"),
        (b'{"message": "hi", "mesage": 1}', 422, "invalid_input"),
        (b'{"message": "hi", "options": {"priority": 9}}', 422, "invalid_input"),
        (b'{"message": "hi", "conversation_id": ""}', 422, "invalid_input"),
        (b'["hi"]', 422, "invalid_input"),
        (b"", 422, "invalid_input"),
    ],
)
async def test_body_that_cannot_be_used_is_a_problem(
    idle: httpx.AsyncClient, body: bytes, status: int, code: str
) -> None:
    answer = await idle.post("/v1/requests", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_body_of_another_content_type_is_refused(idle: httpx.AsyncClient) -> None:
    answer = await idle.post("/v1/requests", content=b'{"message": "hi"}', headers={"content-type": "text/plain"})
    assert answer.status_code == 415


async def test_problem_names_the_path_and_not_the_value(idle: httpx.AsyncClient) -> None:
    answer = await idle.post("/v1/requests", json={"message": "hi", "options": {"language": "sEcReT!"}})
    assert answer.json()["problems"][0]["path"] == "/options/language"
    assert "sEcReT" not in answer.text


async def test_same_key_and_body_is_one_request_also_when_raced(idle: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(submit(idle, "same", "key-race") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_same_key_with_another_body_is_refused(idle: httpx.AsyncClient) -> None:
    await submit(idle, "one", "key-other")
    answer = await submit(idle, "two", "key-other")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


async def test_temporal_down_answers_503_soon_and_the_same_key_starts_it_later(
    idle: httpx.AsyncClient, client: Client, idle_parts: Parts, settings: Settings
) -> None:
    dead = await client_of(settings, "127.0.0.1:1")
    async with serving(parts_like(idle_parts, temporal=dead)) as broken:
        began = time.monotonic()
        answer = await submit(broken, "later", "key-later")
        assert time.monotonic() - began < 2
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        listed = (await broken.get("/v1/requests")).json()["requests"]
        assert "later" not in [request["message"]["text"] for request in listed]
    retried = await submit(idle, "later", "key-later")
    assert retried.status_code == 202
    await client.get_workflow_handle(retried.json()["id"]).describe()


async def test_temporal_that_swallows_calls_answers_503_within_two_seconds(
    idle_parts: Parts, settings: Settings
) -> None:
    hole = listen("127.0.0.1", 0)  # connections are taken by the kernel, and nobody ever answers
    silent = await client_of(settings, f"127.0.0.1:{hole.getsockname()[1]}")
    async with serving(parts_like(idle_parts, temporal=silent)) as broken:
        began = time.monotonic()
        assert (await submit(broken)).status_code == 503
        assert time.monotonic() - began < 2.2
    hole.close()


async def test_database_down_answers_503(idle_parts: Parts) -> None:
    gone = Database("postgresql://nobody@127.0.0.1:1/none")
    async with serving(parts_like(idle_parts, database=gone)) as broken:
        began = time.monotonic()
        answers = [await submit(broken), await broken.get("/v1/requests"), await broken.get("/readyz")]
        assert time.monotonic() - began < 6
        assert [answer.status_code for answer in answers] == [503, 503, 503]
        assert answers[2].json() == {"status": "not_ready", "database": "down", "temporal": "up"}
        assert (await broken.get("/livez")).status_code == 200
