"""Jobs at the API's edge: accepted with 202, read by poll, refused when their webhook could never arrive."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api.parts import Parts
from domain.budget import Price
from domain.webhook import DeliveryState
from services.storage import gateway_calls, journal
from services.storage.event_reader import EventReader
from services.storage.jobs import note_delivery
from tests.api.gateway.maker import Maker, model
from tests.api.gateway.streams import followed
from tests.api.served import serving

Json = dict[str, Any]
CHAT = "/v1/chat/completions"
HOOK = "https://hooks.example.org/longhaul"


@pytest_asyncio.fixture(scope="module")
async def hooked(gate_parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """An API that has a secret to sign webhooks with."""
    deployment = replace(gate_parts.deployment, webhooks=True)
    async with serving(replace(gate_parts, deployment=deployment, reader=EventReader(gate_parts.database))) as api:
        yield api


def _chat(name: str, **more: Any) -> Json:
    return {"model": name, "messages": [{"role": "user", "content": "hi"}], **more}


def _job(name: str, **options: Any) -> Json:
    return _chat(name, longhaul={"async": True, **options})


async def _accepted(api: httpx.AsyncClient, body: Json, path: str = CHAT, **headers: str) -> Json:
    answer = await api.post(path, json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    accepted: Json = answer.json()
    assert answer.headers["location"] == accepted["links"]["self"] == f"/v1/calls/{accepted['id']}"
    return accepted


async def _read(api: httpx.AsyncClient, call_id: str) -> Json:
    answer = await api.get(f"/v1/calls/{call_id}")
    assert answer.status_code == 200, answer.text
    seen: Json = answer.json()
    return seen


@pytest.mark.parametrize(
    ("more", "headers"),
    [
        ({"longhaul": {"async": True}}, {}),
        ({"async": True}, {}),
        ({}, {"prefer": "respond-async"}),
        ({}, {"prefer": "wait=5, Respond-Async; x=1"}),
        ({"stream": True, "async": True}, {}),
    ],
)
async def test_a_job_is_asked_for_in_several_ways(gate: httpx.AsyncClient, more: Json, headers: dict[str, str]) -> None:
    answer = await gate.post(CHAT, json=_chat(model(), **more), headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.headers.get("preference-applied") == ("respond-async" if headers else None)
    accepted = answer.json()
    assert (accepted["object"], accepted["status"]) == ("longhaul.job", "queued")
    assert accepted["id"].startswith("call_")
    assert answer.headers["x-longhaul-request-id"] == accepted["id"]


@pytest.mark.parametrize("prefer", ["wait=5", "respond-asynchronously", "x-respond-async", ""])
async def test_other_preferences_ask_for_no_job(gate: httpx.AsyncClient, maker: Maker, prefer: str) -> None:
    name = model()
    answer, _ = await asyncio.gather(
        gate.post(CHAT, json=_chat(name), headers={"prefer": prefer}), maker.answer(name, "now")
    )
    assert answer.status_code == 200
    assert "preference-applied" not in answer.headers


async def test_what_the_body_says_comes_before_what_is_preferred(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    body = _chat(name, longhaul={"async": False})
    answer, _ = await asyncio.gather(
        gate.post(CHAT, json=body, headers={"prefer": "respond-async"}), maker.answer(name, "now")
    )
    assert answer.status_code == 200


async def test_a_job_is_polled_until_it_has_its_answer(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    accepted = await _accepted(gate, _job(name))
    waiting = await _read(gate, accepted["id"])
    assert (waiting["status"], waiting["background"], waiting["answer"]) == ("queued", True, None)
    await _begin(maker, accepted["id"])
    assert (await _read(gate, accepted["id"]))["status"] == "running"
    await maker.answer(name, "Hello", " there")
    done = await _read(gate, accepted["id"])
    assert done["status"] == "done"
    assert done["answer"]["choices"][0]["message"]["content"] == "Hello there"
    assert done["webhook"] is None


async def _begin(maker: Maker, call_id: str) -> None:
    """Have a provider asked."""
    key = journal.CallKey(call_id, "call", 1)
    sent = journal.Sent(model="m", input_tokens=1, process="test", price=Price())
    assert await journal.open_first(maker.db, key, (), sent)


async def test_a_job_can_be_watched(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    accepted = await _accepted(gate, {**_job(name), "stream": True})
    watching = asyncio.create_task(followed(gate, accepted["id"]))
    await maker.answer(name, "bit ", "by bit")
    stream = await watching
    assert stream.texts == ["bit ", "by bit"]
    assert stream.is_done


async def test_a_job_is_stored_without_what_was_asked_of_us(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    accepted = await _accepted(gate, {**_job(name, priority=1), "async": True})
    view = await gateway_calls.read(maker.db, "local", accepted["id"])
    assert "async" not in str(view.body.text)
    assert "longhaul" not in str(view.body.text)
    assert (view.options.priority, view.options.background, view.options.wait_s) == (1, True, 86_400)


async def test_a_job_may_bound_its_own_wait(gate: httpx.AsyncClient, maker: Maker) -> None:
    accepted = await _accepted(gate, _job(model(), wait_s=5))
    assert (await gateway_calls.read(maker.db, "local", accepted["id"])).options.wait_s == 5


async def test_a_repeated_job_is_the_same_job(gate: httpx.AsyncClient, maker: Maker) -> None:
    name, key = model(), secrets.token_hex(8)
    first = await _accepted(gate, _job(name), **{"idempotency-key": key})
    assert await _accepted(gate, _job(name), **{"idempotency-key": key}) == first
    other = await gate.post(CHAT, json=_job(name) | {"seed": 1}, headers={"idempotency-key": key})
    assert other.status_code == 422
    await maker.answer(name, "once")
    again = await _accepted(gate, _job(name), **{"idempotency-key": key})
    assert (again["id"], again["status"]) == (first["id"], "done")
    assert await maker.calls(name) == [first["id"]]


async def test_jobs_are_each_made_and_nobody_waits_behind_one(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model("kept")
    jobs = [(await _accepted(gate, _job(name)))["id"] for _ in range(2)]
    answer, waited_for = await asyncio.gather(gate.post(CHAT, json=_chat(name)), maker.answer(name, "now", number=3))
    assert answer.headers["x-longhaul-cache"] == "MISS"
    assert await maker.calls(name) == [*jobs, waited_for]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"prompt": "hi"}),
        ("/v1/embeddings", {"input": "hi"}),
    ],
)
async def test_calls_answered_in_one_piece_may_be_jobs_too(
    gate: httpx.AsyncClient, maker: Maker, path: str, body: Json
) -> None:
    name = model()
    accepted = await _accepted(gate, {"model": name, **body, "longhaul": {"async": True}}, path)
    assert await maker.calls(name) == [accepted["id"]]


async def test_a_jobs_priority_is_its_workflows(gate: httpx.AsyncClient, gate_parts: Parts) -> None:
    accepted = await _accepted(gate, _job(model(), priority=5))
    described = await gate_parts.temporal.get_workflow_handle(accepted["id"]).describe()
    assert described.raw_description.workflow_execution_info.priority.priority_key == 5


async def test_how_far_the_webhook_is_stands_with_the_job(hooked: httpx.AsyncClient, maker: Maker) -> None:
    accepted = await _accepted(hooked, _job(model(), webhook={"url": HOOK}))
    webhook = (await _read(hooked, accepted["id"]))["webhook"]
    assert webhook == {
        "url": HOOK, "state": "waiting", "attempts": 0, "status": None, "error": None, "tried_at": None,
    }  # fmt: skip
    await note_delivery(maker.db, accepted["id"], DeliveryState.RETRYING, error="timeout")
    await note_delivery(maker.db, accepted["id"], DeliveryState.DELIVERED, status=204)
    webhook = (await _read(hooked, accepted["id"]))["webhook"]
    assert (webhook["state"], webhook["attempts"], webhook["status"], webhook["error"]) == ("delivered", 2, 204, None)
    assert webhook["tried_at"] is not None


@pytest.mark.parametrize(
    ("webhook", "code", "param"),
    [
        ("https://hooks.example.org", "invalid_type", "longhaul.webhook"),
        ({}, "missing_required_parameter", "longhaul.webhook.url"),
        ({"url": 5}, "invalid_type", "longhaul.webhook.url"),
        ({"url": ""}, "invalid_webhook_url", "longhaul.webhook.url"),
        ({"url": HOOK, "secret": "x"}, "unsupported_parameter", "longhaul.webhook.secret"),
        ({"url": HOOK, "content": "yes"}, "invalid_type", "longhaul.webhook.content"),
        ({"url": "hooks.example.org"}, "invalid_webhook_url", "longhaul.webhook.url"),
        ({"url": "http://hooks.example.org"}, "invalid_webhook_url", "longhaul.webhook.url"),
        ({"url": "https://user:pw@hooks.example.org"}, "invalid_webhook_url", "longhaul.webhook.url"),
        ({"url": "https://hooks.example.org/" + "a" * 2000}, "invalid_webhook_url", "longhaul.webhook.url"),
        ({"url": "https://127.0.0.1/"}, "webhook_url_refused", "longhaul.webhook.url"),
        ({"url": "https://localhost:8443/"}, "webhook_url_refused", "longhaul.webhook.url"),
        ({"url": "https://10.1.2.3/"}, "webhook_url_refused", "longhaul.webhook.url"),
        ({"url": "https://[::1]/"}, "webhook_url_refused", "longhaul.webhook.url"),
        ({"url": "https://169.254.169.254/"}, "webhook_url_refused", "longhaul.webhook.url"),
    ],
)
async def test_a_webhook_that_cannot_be_sent_is_refused_at_once(
    hooked: httpx.AsyncClient, maker: Maker, webhook: Any, code: str, param: str
) -> None:
    name = model()
    answer = await hooked.post(CHAT, json=_job(name, webhook=webhook))
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert "pw" not in error["message"]
    assert await maker.calls(name) == []


async def test_a_webhook_is_for_jobs_only(hooked: httpx.AsyncClient) -> None:
    answer = await hooked.post(CHAT, json=_chat(model(), longhaul={"webhook": {"url": HOOK}}))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "webhook_without_async"


async def test_without_a_secret_webhooks_are_refused_and_it_is_said_why(gate: httpx.AsyncClient) -> None:
    answer = await gate.post(CHAT, json=_job(model(), webhook={"url": HOOK}))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "webhooks_not_configured"
    assert "LONGHAUL_WEBHOOK_SECRET" in answer.json()["error"]["message"]


@pytest.mark.parametrize("said", ["yes", 1, [], {}])
async def test_what_is_neither_true_nor_false_asks_for_nothing(gate: httpx.AsyncClient, said: Any) -> None:
    for body in (_chat(model(), longhaul={"async": said}), _chat(model()) | {"async": said}):
        answer = await gate.post(CHAT, json=body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["param"].endswith("async")


async def test_a_job_for_an_unknown_model_is_refused_at_once(gate: httpx.AsyncClient) -> None:
    answer = await gate.post(CHAT, json=_job("no-such-model"))
    assert answer.status_code == 404
