"""SIGKILL of workers under gateway calls: each is answered once, paid by evidence, and no account passes a limit."""

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from runtime.local import programs
from runtime.local.ports import free_port
from services.storage.database import Database
from services.storage.views import calls as call_views
from services.storage.views.calls import CallState, CallView
from simulators.model_provider.calls import account_of
from tests.crash.machine import Machine, worker_alone
from tests.keys import api_client
from tests.workflows.product import Product, eventually

PATIENCE_S = 120.0


def asking(product: Product, **more: Any) -> dict[str, Any]:
    return {"model": product.model, "messages": [{"role": "user", "content": "Hello!"}], **more}


async def journal(machine: Machine, call_id: str) -> list[CallView]:
    database = Database(machine.database_url)
    async with database.transaction() as tx:
        found = await call_views.calls(tx, "local", call_id)
    await database.close()
    return found


def events_of(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]


def text_of(events: list[dict[str, Any]]) -> str:
    deltas = [choice["delta"] for event in events for choice in event.get("choices", ())]
    return "".join(delta.get("content") or "" for delta in deltas)


async def test_a_stream_goes_on_after_its_workers_death(machine: Machine, product: Product) -> None:
    await product.fault({"chunk_delay_s": 0.3}, times=1)
    body = asking(product, stream=True, longhaul={"resets": True})
    lines: list[str] = []
    async with product.api.stream("POST", "/v1/chat/completions", json=body, timeout=60) as answer:
        call_id = answer.headers["x-longhaul-request-id"]
        async for line in answer.aiter_lines():
            lines.append(line)
            if text_of(events_of(lines)) and len(events_of(lines)) == 3:
                machine.supervisor.kill("worker")
    events = events_of(lines)
    (reset,) = [number for number, event in enumerate(events) if event.get("longhaul", {}).get("reset")]
    assert lines[-2:] == ["data: [DONE]", ""]
    lost, finished = await journal(machine, call_id)
    assert (lost.state, finished.state) == (CallState.LOST, CallState.FINISHED)
    assert lost.usage.estimated
    assert lost.usage.output_tokens > 0
    whole = (await product.api.get(f"/v1/calls/{call_id}")).json()
    assert whole["cost_micros"] == lost.cost_micros + finished.cost_micros
    assert text_of(events[reset:]).startswith("Hello")


async def test_a_call_with_a_key_outlives_client_and_worker(machine: Machine, product: Product) -> None:
    await product.fault({"delay_s": 4.0}, times=1)
    key = {"Idempotency-Key": secrets.token_hex(8)}
    with pytest.raises(httpx.ReadTimeout):
        await product.api.post("/v1/chat/completions", json=asking(product), headers=key, timeout=1.0)
    machine.supervisor.kill("worker")
    answer = await product.api.post("/v1/chat/completions", json=asking(product), headers=key, timeout=60)
    assert answer.status_code == 200, answer.text
    again = await product.api.post("/v1/chat/completions", json=asking(product), headers=key, timeout=60)
    assert again.json() == answer.json()
    states = Counter(row.state for row in await journal(machine, answer.headers["x-longhaul-request-id"]))
    assert states == {CallState.LOST: 1, CallState.FINISHED: 1}


async def noted(machine: Machine, product: Product) -> bool:
    """Whether the log says of this test's one call how much has come."""
    database = Database(machine.database_url)
    rows = await database.fetch(
        "SELECT FROM request r JOIN request_event e ON e.request_id = r.id "
        "WHERE r.options->>'model' = $1 AND e.type = 'call.chunk' AND (e.data->>'size')::int > 0",
        product.model,
    )
    await database.close()
    return bool(rows)


async def test_what_a_dead_worker_heard_of_an_answer_in_one_piece_is_paid(machine: Machine, product: Product) -> None:
    await product.fault({"chunk_delay_s": 1.0}, times=1)
    key = {"Idempotency-Key": secrets.token_hex(8)}
    asked = asyncio.create_task(product.api.post("/v1/chat/completions", json=asking(product), headers=key, timeout=60))
    await eventually(lambda: noted(machine, product))
    machine.supervisor.kill("worker")
    answer = await asked
    assert answer.status_code == 200, answer.text
    call_id = answer.headers["x-longhaul-request-id"]
    lost, finished = await journal(machine, call_id)
    assert (lost.state, finished.state) == (CallState.LOST, CallState.FINISHED)
    assert lost.usage.estimated
    assert lost.usage.output_tokens > 0
    whole = (await product.api.get(f"/v1/calls/{call_id}")).json()
    assert whole["cost_micros"] == lost.cost_micros + finished.cost_micros


async def test_a_call_that_a_server_began_itself_outlives_it(machine: Machine, product: Product) -> None:
    port = free_port()
    variables = {**machine.variables, "LONGHAUL_API_PORT": str(port)}
    await product.fault({"delay_s": 4.0}, times=1)
    key = {"Idempotency-Key": secrets.token_hex(8)}
    await machine.supervisor.start(programs.server("127.0.0.1", port, variables))
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    asked = asyncio.create_task(product.api.post(url, json=asking(product), headers=key, timeout=30))
    await eventually(product.calls)
    machine.supervisor.kill("server")
    with pytest.raises(httpx.TransportError):
        await asked
    await machine.supervisor.stop("server")
    answer = await product.api.post("/v1/chat/completions", json=asking(product), headers=key, timeout=60)
    assert answer.status_code == 200, answer.text
    states = Counter(row.state for row in await journal(machine, answer.headers["x-longhaul-request-id"]))
    assert states == {CallState.LOST: 1, CallState.FINISHED: 1}


@asynccontextmanager
async def three_workers(machine: Machine) -> AsyncIterator[None]:
    """Have two more workers for the length of the block."""
    names = ("worker-2", "worker-3")
    for name in names:
        await machine.supervisor.start(worker_alone(machine.variables, name))
    try:
        yield
    finally:
        for name in names:
            await machine.supervisor.stop(name)


async def pooled(machine: Machine, model: str, *, accounts: int, per_window: int, window_s: float) -> None:
    """Configure a model with several limited accounts, as an admin does."""
    admin, base_url = machine.product.api, machine.variables["LONGHAUL_OPENAI_BASE_URL"]
    provider = {"id": model, "dialect": "openai", "base_url": base_url, "simulated": True}
    limit = {"kind": "requests", "amount": per_window, "window_s": window_s}
    await created(admin, "providers", provider)
    names = [f"{model}-{number}" for number in range(accounts)]
    for name in names:
        account = {"id": name, "provider_id": model, "credential": f"key-of-{name}", "limits": [limit]}
        await created(admin, "accounts", account)
        await created(admin, "deployments", {"id": name, "account_id": name, "model": model})
    targets = [{"deployment_id": name} for name in names]
    await created(admin, "routes", {"name": model, "targets": targets, "strategy": "least_connections"})

    async def known() -> bool:
        return (await admin.get(f"/v1/models/{model}")).is_success

    await eventually(known)


async def created(admin: httpx.AsyncClient, kind: str, body: dict[str, Any]) -> None:
    answer = await admin.post(f"/v1/pool/{kind}", json=body)
    assert answer.status_code == 201, answer.text


async def check_limits_under_kills(machine: Machine, product: Product, *, calls: int, window_s: float) -> None:
    """Make many calls over three limited accounts and three workers, two of which are killed on the way."""
    await pooled(machine, product.model, accounts=3, per_window=60, window_s=window_s)
    body = asking(product, longhaul={"wait_s": 10 * PATIENCE_S})
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    url = str(machine.product.api.base_url)
    async with api_client(url, timeout=10 * PATIENCE_S, limits=limits) as client:

        async def call() -> httpx.Response:
            return await client.post("/v1/chat/completions", json=body)

        answers = [asyncio.create_task(call()) for _ in range(calls)]
        for share in (5, 2):
            await some_done(answers, calls // share)
            machine.supervisor.kill("worker")
        done = await asyncio.gather(*answers)
    failed = [answer.text for answer in done if answer.status_code != 200]
    assert Counter(answer.status_code for answer in done) == {200: calls}, failed
    assert len({answer.json()["id"] for answer in done}) == calls
    windows = (await product.provider.get("/__sim/windows", params={"window_s": window_s})).json()["windows"]
    ours = [windows[account_of(f"key-of-{product.model}-{number}")] for number in range(3)]
    assert all(window["max_requests"] <= 60 and window["refused"] == 0 for window in ours), ours
    assert calls <= sum(window["calls"] for window in ours) <= calls + 200, "only a call that a kill cut is made again"


async def some_done(answers: list[asyncio.Task[httpx.Response]], count: int) -> None:
    async with asyncio.timeout(PATIENCE_S * 10):
        while sum(answer.done() for answer in answers) < count:
            await asyncio.sleep(0.05)


@pytest.mark.timeout(240)
async def test_no_account_passes_its_limit_though_workers_die(machine: Machine, product: Product) -> None:
    async with three_workers(machine):
        await check_limits_under_kills(machine, product, calls=1000, window_s=6)


@pytest.mark.long
async def test_no_account_passes_its_limit_in_windows_of_a_minute(machine: Machine, product: Product) -> None:
    async with three_workers(machine):
        await check_limits_under_kills(machine, product, calls=1000, window_s=60)
