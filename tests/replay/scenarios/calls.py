"""Gateway calls, and the checks of the accounts that make them."""

import asyncio
import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from contracts.gateway import CallLaunch
from contracts.names import STEP_WORKFLOW
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from contracts.pool_checks import CHECK_ACCOUNTS, CheckAccounts, CheckedAccounts
from domain import ids
from domain.gateway import CallOptions, Webhook
from services.storage import gateway_calls
from services.storage.gateway_calls import NewCall
from tests.replay.scenarios.scenario import Kept, scenario
from tests.workflows.product import Product, eventually
from tests.workflows.test_gateway_calls import OWNER, ended, limited, with_accounts


async def called(product: Product, **more: Any) -> Kept:
    """Make a call and wait for its workflow."""
    body = {"model": product.model, "messages": [{"role": "user", "content": "Hello!"}], **more}
    answer = await product.api.post("/v1/chat/completions", json=body)
    answer.raise_for_status()
    call_id = answer.headers["x-longhaul-request-id"]
    await ended(product, call_id)
    return {"": product.temporal.get_workflow_handle(call_id)}


@scenario("a call that is answered at once")
async def call_quick(product: Product) -> Kept:
    return await called(product)


@scenario("a call that takes longer is followed")
async def call_followed(product: Product) -> Kept:
    await product.fault({"delay_s": 2.6})
    return await called(product)


@scenario("a call that fails at every account")
async def call_failed(product: Product) -> Kept:
    await product.fault({"status": 400})
    body = {"model": product.model, "messages": [{"role": "user", "content": "Hello!"}]}
    answer = await product.api.post("/v1/chat/completions", json=body)
    call_id = answer.headers["x-longhaul-request-id"]
    await ended(product, call_id)
    return {"": product.temporal.get_workflow_handle(call_id)}


@scenario("a call that is cancelled while it is followed")
async def call_cancelled(product: Product) -> Kept:
    await product.fault({"hang": True})
    body = {"model": product.model, "messages": [{"role": "user", "content": "Hello!"}]}
    key = {"Idempotency-Key": secrets.token_hex(8)}
    calls: list[str] = []

    async def flying() -> bool:
        listed = await product.calls()
        calls[:] = [str(one["idempotency_key"]).partition("/")[0] for one in listed]
        return bool(calls)

    asking = asyncio.create_task(product.api.post("/v1/chat/completions", json=body, headers=key))
    await eventually(flying)
    cancelled = await product.api.post(f"/v1/calls/{calls[0]}/cancel")
    cancelled.raise_for_status()
    await ended(product, calls[0])
    await asking
    return {"": product.temporal.get_workflow_handle(calls[0])}


@scenario("a call that waits for capacity")
async def call_waiting(product: Product) -> Kept:
    pooled = await with_accounts(product, "one", limits=limited(1, 4))
    await called(pooled)
    return await called(pooled, longhaul={"wait_s": 30})


@scenario("a job, told to a webhook that may not be reached")
async def call_job(product: Product) -> Kept:
    assert product.services is not None
    body = json.dumps({"model": product.model, "messages": [{"role": "user", "content": "Hello!"}]})
    call_id = ids.gateway_call_id(int(time.time() * 1000), secrets.randbits(80))
    options = CallOptions(model=product.model, background=True, webhook=Webhook(url="https://127.0.0.1/told"))
    accepted = await gateway_calls.accept(product.services.db, NewCall(call_id, OWNER, body, options))
    launch = CallLaunch(
        call_id=call_id, owner=OWNER, body=accepted.body, options=options, accepted_at=datetime.now(UTC)
    )
    handle = await product.temporal.start_workflow(
        STEP_WORKFLOW, launch, id=call_id, task_queue=product.task_queue, task_timeout=WORKFLOW_TASK_TIMEOUT
    )
    await handle.result()
    return {"": handle}


@scenario("all accounts are checked")
async def accounts_checked(product: Product) -> Kept:
    handle = await product.temporal.start_workflow(
        CHECK_ACCOUNTS,
        CheckAccounts(),
        id=f"pool/check/{secrets.token_hex(4)}",
        task_queue=product.task_queue,
        task_timeout=WORKFLOW_TASK_TIMEOUT,
        result_type=CheckedAccounts,
    )
    await handle.result()
    return {"": handle}
