"""Gateway calls on the whole product: quick and slow, cancelled, waiting, failing over, and each answered once."""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from domain.model_pool import Limit, LimitKind
from services.storage import gateway_calls
from services.storage.gateway_calls import CallView
from services.storage.views import calls as call_views
from services.storage.views.calls import CallState
from services.storage.views.calls import CallView as Attempt
from tests.llm.pooled import add_accounts
from tests.workflows.product import Product, eventually

OWNER = "local"
_numbers = itertools.count(1)


def asking(product: Product, text: str = "Hello!", **more: Any) -> dict[str, Any]:
    return {"model": product.model, "messages": [{"role": "user", "content": text}], **more}


async def chat(product: Product, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    return await product.api.post("/v1/chat/completions", json=asking(product, **more), headers=headers)


async def with_accounts(product: Product, *names: str, **more: Any) -> Product:
    """Return the product with a model that several accounts serve."""
    assert product.services is not None
    assert product.pool is not None
    model = f"pooled-{next(_numbers)}-{secrets.token_hex(3)}"
    base_url = str(product.provider.base_url).rstrip("/") + "/v1"
    await add_accounts(product.services.db, model, base_url, names, vault=product.services.vault, **more)
    await product.services.models.catalogue.refresh()
    await product.pool.refresh()
    return product.with_model(model)


def limited(amount: int, window_s: float) -> tuple[Limit, ...]:
    """Return a limit of requests."""
    return (Limit(kind=LimitKind.REQUESTS, amount=amount, window_s=window_s),)


async def read(product: Product, call_id: str) -> CallView:
    assert product.services is not None
    return await gateway_calls.read(product.services.db, OWNER, call_id)


async def attempts(product: Product, call_id: str) -> list[Attempt]:
    assert product.services is not None
    async with product.services.db.transaction() as tx:
        return await call_views.calls(tx, OWNER, call_id)


async def ended(product: Product, call_id: str) -> None:
    async def closed() -> bool:
        return (await product.temporal.get_workflow_handle(call_id).describe()).status is not (
            WorkflowExecutionStatus.RUNNING
        )

    await eventually(closed)


async def event_types(product: Product, call_id: str) -> list[int]:
    history = await product.temporal.get_workflow_handle(call_id).fetch_history()
    return [event.event_type for event in history.events]


@asynccontextmanager
async def streaming(product: Product, **more: Any) -> AsyncIterator[httpx.Response]:
    async with product.api.stream("POST", "/v1/chat/completions", json=asking(product, stream=True, **more)) as answer:
        yield answer


def tried(response: httpx.Response | CallView) -> Sequence[str]:
    assert isinstance(response, CallView)
    assert response.outcome is not None
    return [f"{one.account.rpartition('-')[2]} {one.outcome}" for one in response.outcome.routing.tries]


async def test_a_quick_call_is_one_local_activity_of_one_workflow(product: Product) -> None:
    answer = await chat(product)
    assert answer.status_code == 200, answer.text
    call_id = answer.headers["x-longhaul-request-id"]
    await ended(product, call_id)
    types = await event_types(product, call_id)
    assert EventType.EVENT_TYPE_MARKER_RECORDED in types
    assert EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED not in types
    (attempt,) = await attempts(product, call_id)
    view = await read(product, call_id)
    assert view.outcome is not None
    assert (attempt.state, view.outcome.cost_micros) == (CallState.FINISHED, attempt.cost_micros)
    assert (view.outcome.phase, len(view.outcome.routing.tries)) == ("done", 1)


async def test_a_slow_call_is_followed_where_it_flies(product: Product) -> None:
    await product.fault({"delay_s": 2.6})
    answer = await chat(product)
    assert answer.json()["choices"][0]["finish_reason"] == "stop"
    call_id = answer.headers["x-longhaul-request-id"]
    await ended(product, call_id)
    types = await event_types(product, call_id)
    assert types.count(EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED) == 1
    assert len(await attempts(product, call_id)) == 1


async def test_a_cancelled_call_stops_spending_and_pays_what_was_used(product: Product) -> None:
    await product.fault({"hang_after": 3})
    async with streaming(product) as answer:
        call_id = answer.headers["x-longhaul-request-id"]
        await anext(answer.aiter_lines())
        cancelled = await product.api.post(f"/v1/calls/{call_id}/cancel")
        assert cancelled.is_success, cancelled.text
        await ended(product, call_id)
    view, (attempt,) = await read(product, call_id), await attempts(product, call_id)
    assert view.outcome is not None
    assert view.outcome.phase == "cancelled"
    assert (attempt.state, attempt.error_code) == (CallState.FAILED, "cancelled")
    assert view.outcome.cost_micros == attempt.cost_micros > 0


async def test_a_client_that_goes_away_ends_a_call_without_a_key(product: Product) -> None:
    await product.fault({"hang_after": 2})
    async with streaming(product) as answer:
        call_id = answer.headers["x-longhaul-request-id"]
        await anext(answer.aiter_lines())
    await ended(product, call_id)
    view = await read(product, call_id)
    assert view.outcome is not None
    assert view.outcome.phase == "cancelled"


async def test_the_same_key_joins_the_call_under_way_and_asks_once(product: Product) -> None:
    await product.fault({"delay_s": 0.5})
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first, second = await asyncio.gather(chat(product, key), chat(product, key))
    third = await chat(product, key)
    assert first.json() == second.json() == third.json()
    assert len(await product.calls()) == 1


async def test_a_failing_account_gives_way_to_another(product: Product) -> None:
    pooled = await with_accounts(product, "one", "two")
    await pooled.fault({"status": 500}, key=f"{pooled.model}-one")
    answer = await chat(pooled)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-longhaul-attempts"] == "2"
    assert answer.headers["x-longhaul-account"].endswith("-two")
    view = await read(pooled, answer.headers["x-longhaul-request-id"])
    assert tried(view) == ["one model_unavailable", "two ok"]


async def test_an_upstream_401_is_never_ours_and_parks_the_account(product: Product) -> None:
    pooled = await with_accounts(product, "one")
    await pooled.fault({"status": 401})
    answer = await chat(pooled)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_credentials_exhausted")
    parked = await pooled.api.get(f"/v1/pool/accounts/{pooled.model}-one")
    assert parked.json()["parked"]["code"] == "model_credential_dead"
    again = await chat(pooled)
    assert (again.status_code, again.json()["error"]["code"]) == (502, "upstream_credentials_exhausted"), again.text
    assert len(await pooled.calls()) == 1


async def test_a_break_in_mid_answer_is_told_and_never_doubles_text(product: Product) -> None:
    pooled = await with_accounts(product, "one", "two")
    await pooled.fault({"cut_stream_after": 2}, key=f"{pooled.model}-one")
    async with streaming(pooled) as answer:
        lines = [line async for line in answer.aiter_lines() if line.startswith("data: ")]
    assert "error" in lines[-1]
    assert "data: [DONE]" not in lines
    assert len(await pooled.calls()) == 1


async def test_who_understands_resets_gets_the_answer_from_another(product: Product) -> None:
    pooled = await with_accounts(product, "one", "two")
    await pooled.fault({"cut_stream_after": 2}, key=f"{pooled.model}-one")
    async with streaming(pooled, longhaul={"resets": True}) as answer:
        lines = [line async for line in answer.aiter_lines() if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    assert sum('"reset":true' in line.replace(" ", "") for line in lines) == 1


async def test_without_capacity_a_call_waits_if_it_may_and_else_says_when(product: Product) -> None:
    pooled = await with_accounts(product, "one", limits=limited(1, 3))
    assert (await chat(pooled)).status_code == 200
    refused = await chat(pooled)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded"), refused.text
    assert 0 < float(refused.headers["retry-after"]) <= 4
    waited = await chat(pooled, longhaul={"wait_s": 20})
    assert waited.status_code == 200, waited.text
    view = await read(pooled, waited.headers["x-longhaul-request-id"])
    assert view.outcome is not None
    assert len(await pooled.calls()) == 2


async def test_embeddings_and_completions_are_answered_whole(product: Product) -> None:
    embedded = await product.api.post("/v1/embeddings", json={"model": product.model, "input": ["a", "b"]})
    assert embedded.status_code == 200, embedded.text
    assert len(embedded.json()["data"]) == 2
    completed = await product.api.post("/v1/completions", json={"model": product.model, "prompt": "Once"})
    assert completed.status_code == 200, completed.text
    assert completed.json()["choices"][0]["text"]


async def test_a_call_is_in_no_list_of_requests(product: Product) -> None:
    call_id = (await chat(product)).headers["x-longhaul-request-id"]
    listed = await product.api.get("/v1/requests", params={"limit": 100})
    assert call_id not in listed.text
