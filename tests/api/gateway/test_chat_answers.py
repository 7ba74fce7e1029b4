"""Chats answered whole: the completion, its headers, its errors, and the same key again."""

import asyncio

import httpx
import pytest

from api.gateway.problems import CANCELLED
from domain import errors
from domain.call_errors import call_error
from domain.errors import LonghaulError
from domain.gateway import CallOutcome
from tests.api.gateway.maker import Json, Maker, model
from tests.api.gateway.streams import CHAT, asking, whole


async def ask(gate: httpx.AsyncClient, maker: Maker, body: Json, *texts: str, **headers: str) -> httpx.Response:
    """Ask, and have the call answered."""
    making = asyncio.create_task(maker.answer(body["model"], *texts))
    answer = await gate.post(CHAT, json=body, headers=headers)
    await making
    return answer


async def test_a_chat_is_answered_whole(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    answer = await ask(gate, maker, asking(name), "Good ", "day")
    (call_id,) = await maker.calls(name)
    assert answer.status_code == 200
    completion = answer.json()
    assert completion.pop("created") > 1_700_000_000
    assert completion == {
        "id": f"chatcmpl-{call_id.removeprefix('call_')}",
        "object": "chat.completion",
        "model": "public",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Good day"}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "total_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    }


async def test_headers_say_who_answered_at_what_cost(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    answer = await ask(gate, maker, asking(name), "Good day", **{"X-Request-Id": "my-own-id"})
    told = answer.headers
    assert told["x-request-id"] == "my-own-id"
    assert told["x-longhaul-request-id"] == (await maker.calls(name))[0]
    assert (told["x-longhaul-model"], told["x-longhaul-provider"]) == ("public", "sim")
    assert (told["x-longhaul-account"], told["x-longhaul-deployment"]) == ("sim-a", "sim-a-1")
    assert (told["x-longhaul-attempts"], told["x-longhaul-cost"], told["x-longhaul-cache"]) == ("1", "250", "BYPASS")
    assert float(told["x-longhaul-overhead-ms"]) >= 0
    assert "x-longhaul-simulated" not in told


async def test_a_model_named_beyond_ascii_fits_into_a_header(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()

    async def make() -> None:
        call_id = await maker.call(name)
        await maker.end(call_id, CallOutcome(phase="failed", error=CANCELLED, routing={"model": "通义-100%"}))  # type: ignore[arg-type]  # pydantic reads it

    making = asyncio.create_task(make())
    answer = await gate.post(CHAT, json=asking(name))
    await making
    assert answer.headers["x-longhaul-model"] == "%E9%80%9A%E4%B9%89-100%25"


@pytest.mark.parametrize(
    "error",
    [
        errors.ModelUnknown("no such route"),
        errors.ModelRejected("400"),
        errors.ModelContextTooLong("too long"),
        errors.ModelContentRefused("not that"),
        errors.NoCapacity("full", 7),
        errors.NoCapacity("resting", 7, resting=True),
        errors.ModelThrottled("429", 3),
        errors.ModelCredentialDead("401 by sk-abc"),
        errors.ModelUnavailable("500"),
        errors.ModelAnswerInvalid("HTML"),
        errors.BudgetExhausted("empty"),
        LonghaulError("inside"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_every_failure_has_the_apis_envelope(gate: httpx.AsyncClient, maker: Maker, error: LonghaulError) -> None:
    name = model()
    told = call_error(error)

    async def make() -> None:
        await maker.fail(await maker.call(name), told)

    making = asyncio.create_task(make())
    answer = await gate.post(CHAT, json=asking(name))
    await making
    assert answer.status_code == told.status != 401
    assert answer.json()["error"] == {
        "message": told.message,
        "type": told.type,
        "param": told.param,
        "code": told.code,
    }
    assert ("retry-after" in answer.headers) is (told.retry_after_s is not None)
    assert answer.headers["x-longhaul-account"] == "sim-a"
    assert "sk-abc" not in answer.text
    assert "inside" not in answer.text


async def test_a_cancelled_call_is_said_so(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()

    async def make() -> None:
        await maker.end(await maker.call(name), CallOutcome(phase="cancelled"))

    making = asyncio.create_task(make())
    answer = await gate.post(CHAT, json=asking(name))
    await making
    assert (answer.status_code, answer.json()["error"]["code"]) == (499, "cancelled")


async def test_the_same_key_and_body_is_one_call_with_one_answer(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    key = {"Idempotency-Key": name}
    first, second = await asyncio.gather(
        ask(gate, maker, asking(name), "once", **key), gate.post(CHAT, json=asking(name), headers=key)
    )
    third = await gate.post(CHAT, json=asking(name), headers=key)
    spaced = await gate.post(
        CHAT,
        content=f'{{ "messages":[{{"content":"Hello","role":"user"}}],\n "model" : "{name}" }}',
        headers={**key, "Content-Type": "application/json"},
    )
    assert first.json() == second.json() == third.json() == spaced.json()
    assert len(await maker.calls(name)) == 1


async def test_another_body_under_the_same_key_is_422(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    key = {"Idempotency-Key": name}
    await ask(gate, maker, asking(name), "once", **key)
    answer = await gate.post(CHAT, json=asking(name, seed=1), headers=key)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "idempotency_key_reused"
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_extensions_and_unknown_fields_go_where_they_belong(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    extension = {"priority": 1, "wait_s": 2.5, "timeout_s": 9, "session": "s-1"}
    await ask(gate, maker, asking(name, longhaul=extension, unheard_of={"a": [1.5, None]}), "ok")
    call_id = (await maker.calls(name))[0]
    (row,) = await maker.db.fetch("SELECT message, options FROM request WHERE id = $1", call_id)
    assert '"unheard_of":{"a":[1.5,null]}' in row["message"]["text"]
    assert "longhaul" not in row["message"]["text"]
    kept = {"priority": 1, "wait_s": 2.5, "timeout_s": 9.0, "session": "s-1"}
    assert kept.items() <= row["options"].items()


@pytest.mark.parametrize(
    ("body", "headers", "wait_s", "session"),
    [
        ({}, {}, 0.0, None),
        ({}, {"X-Longhaul-Wait": "12.5", "X-Longhaul-Session": "h"}, 12.5, "h"),
        ({}, {"X-Longhaul-Wait": "true"}, 3600.0, None),
        ({"longhaul": {"wait_for_capacity": True}}, {"X-Longhaul-Wait": "1"}, 3600.0, None),
        ({"longhaul": {"wait_for_capacity": False}}, {}, 0.0, None),
        ({"longhaul": {"wait_s": 3, "session": "b"}}, {"X-Longhaul-Session": "h"}, 3.0, "b"),
        ({"user": "u" * 300}, {}, 0.0, "u" * 200),
        ({"user": "u", "prompt_cache_key": "p"}, {}, 0.0, "p"),
    ],
)
async def test_waiting_and_session_come_from_body_or_header(
    gate: httpx.AsyncClient, maker: Maker, body: Json, headers: Json, wait_s: float, session: str | None
) -> None:
    name = model()
    await ask(gate, maker, asking(name, **body), "ok", **headers)
    (row,) = await maker.db.fetch("SELECT options FROM request WHERE id = $1", (await maker.calls(name))[0])
    assert row["options"]["wait_s"] == wait_s
    assert row["options"].get("session") == session


async def test_a_call_that_does_not_say_waits_as_its_route_does(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model("patient")
    await ask(gate, maker, asking(name), "ok")
    (row,) = await maker.db.fetch("SELECT options FROM request WHERE id = $1", (await maker.calls(name))[0])
    assert row["options"]["wait_s"] == 30


async def test_whole_and_streamed_answers_are_the_same(gate: httpx.AsyncClient, maker: Maker) -> None:
    texts = ("Xin ", "chào ", "你", "好")
    complete = await ask(gate, maker, asking(model()), *texts)
    name = model()
    making = asyncio.create_task(maker.answer(name, *texts))
    stream = await whole(gate, asking(name))
    await making
    assert "".join(stream.texts) == complete.json()["choices"][0]["message"]["content"] == "Xin chào 你好"
