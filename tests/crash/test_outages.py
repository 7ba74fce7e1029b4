"""Temporal and PostgreSQL away for a while, and messages while everything is busy."""

import asyncio
import time

import asyncpg
import pytest

from tests.crash.machine import Machine
from tests.crash.test_worker_killed import check_one_end, slow_request
from tests.workflows.product import Product, eventually
from tests.workflows.test_messages import held

DOWN_S = 20.0
ANSWERED_WITHIN_S = 2.0


@pytest.mark.timeout(120)
async def test_temporal_and_database_away_for_twenty_seconds(machine: Machine, product: Product) -> None:
    request_id, _ = await slow_request(product)
    await product.until_active(request_id, 2)
    await machine.supervisor.stop("temporal")
    await machine.supervisor.stop("postgres")
    refused = time.monotonic()
    answer = await product.api.post("/v1/requests", json={"message": "Hello!"})
    assert (answer.status_code, time.monotonic() - refused < ANSWERED_WITHIN_S) == (503, True)
    assert int(answer.headers["retry-after"]) >= 1
    await asyncio.sleep(DOWN_S - (time.monotonic() - refused))
    await machine.supervisor.start("postgres")
    await machine.supervisor.start("temporal")
    await eventually(lambda: api_is_ready(product), within_s=30)
    await check_one_end(machine, product, request_id)


async def api_is_ready(product: Product) -> bool:
    return (await product.api.get("/readyz")).is_success


@pytest.mark.parametrize("verb", ["amend", "cancel"])
async def test_message_is_answered_while_a_model_call_and_a_database_activity_run(
    machine: Machine, product: Product, verb: str
) -> None:
    request_id = await held(product)
    connection = await asyncpg.connect(machine.database_url.replace("+asyncpg", ""))
    try:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM request WHERE id = $1 FOR UPDATE", request_id)
            handle = product.handle(request_id)
            await handle.signal("pause", {})  # its event now waits for the locked row, in a local activity
            body = {"expected_version": 1, "edits": [{"op": "add", "step": {"id": "x", "prompt": "What is 2+3?"}}]}
            started = time.monotonic()
            await handle.execute_update(verb, body if verb == "amend" else {})
            assert time.monotonic() - started <= ANSWERED_WITHIN_S
    finally:
        await connection.close()
    await product.handle(request_id).signal("cancel", {})
    assert (await product.ended(request_id))["phase"] == "cancelled"


async def test_cancel_reaches_a_running_model_call_within_five_seconds(product: Product) -> None:
    request_id = await held(product)
    started = time.monotonic()
    await product.send(request_id, "cancel")

    async def hung_up() -> bool:
        return any(call["aborted"] for call in await product.calls() if call["step_id"] == "s1")

    await eventually(hung_up)
    assert time.monotonic() - started <= 5.0
    assert (await product.ended(request_id))["phase"] == "cancelled"


async def test_api_killed_after_accepting_starts_the_request_once(machine: Machine, product: Product) -> None:
    headers = {"Idempotency-Key": product.model}
    body = {"message": "Hello!", "options": {"model": product.model}}
    first = await product.api.post("/v1/requests", json=body, headers=headers)
    machine.supervisor.kill("api")
    await machine.supervisor.wait_ready("api")
    again = await product.api.post("/v1/requests", json=body, headers=headers)
    assert again.json()["id"] == first.json()["id"]
    assert (await product.ended(first.json()["id"]))["phase"] == "done"
    assert await product.tasks() == ["understand", "step"]
