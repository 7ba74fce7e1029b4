"""People: questions, human steps, approvals, and every message by update and by signal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import WorkflowUpdateFailedError

from domain.caller import LOCAL_TENANT
from tests.keys import api_client
from tests.ledger.till import Till
from tests.replay.scenarios.scenario import Kept, ended, scenario, whole
from tests.workflows.product import Json, Product, eventually
from tests.workflows.test_messages import held
from tests.workflows.test_steps import TWO_PARTS, plan_of

HUMAN: Json = {"id": "h", "kind": "human", "prompt": "Which colour?"}


async def asked(product: Product, request_id: str) -> str:
    """Wait for an open question; return its id."""

    async def look() -> Any:
        return (await product.query(request_id, "status"))["questions"]

    question_id: str = (await eventually(look))[0]["id"]
    return question_id


async def signalled(product: Product, request_id: str, verb: str, **message: Any) -> None:
    """Send a message as a signal."""
    await product.handle(request_id).signal(verb, message)


async def updated(product: Product, request_id: str, verb: str, **message: Any) -> None:
    """Send a message as an update; a refusal fails the scenario."""
    await product.handle(request_id).execute_update(verb, message)


@scenario("the coordinator asks, and is answered by update")
async def question_answered(product: Product) -> Kept:
    request_id = await product.submit("do it")
    await updated(product, request_id, "reply", question_id=await asked(product, request_id), text="Summarise the moon")
    return await ended(product, request_id)


@scenario("the coordinator asks, and nobody answers")
async def question_expired(product: Product) -> Kept:
    return await whole(product, "do it", question_timeout_s=1)


@scenario("a human step is answered by signal")
async def human_step_answered(product: Product) -> Kept:
    await product.fault(plan_of(HUMAN, {"id": "s2"}), task="plan")
    request_id = await product.submit(TWO_PARTS)
    await signalled(product, request_id, "reply", question_id=await asked(product, request_id), text="blue")
    return await ended(product, request_id)


@scenario("human steps expire, with a default and without")
async def human_step_expired(product: Product) -> Kept:
    steps = ({**HUMAN, "timeout_s": 1}, {**HUMAN, "id": "h2", "timeout_s": 1, "default": "blue"})
    await product.fault(plan_of(*steps, {"id": "s2"}), task="plan")
    return await whole(product, TWO_PARTS)


@scenario("a plan is approved by update")
async def approval_approved(product: Product) -> Kept:
    request_id = await product.submit(TWO_PARTS, approval="plan")
    await product.until(request_id, "approving")
    await updated(product, request_id, "approve", approval_id="a_plan_1", decision="approve")
    return await ended(product, request_id)


@scenario("a plan is denied by signal")
async def approval_denied(product: Product) -> Kept:
    request_id = await product.submit(TWO_PARTS, approval="plan")
    await product.until(request_id, "approving")
    await signalled(product, request_id, "approve", approval_id="a_plan_1", decision="deny")
    return await ended(product, request_id)


@scenario("an approval expires")
async def approval_expired(product: Product) -> Kept:
    return await whole(product, TWO_PARTS, approval="plan", approval_timeout_s=1)


@scenario("an amendment of every kind of edit, by update")
async def amended(product: Product) -> Kept:
    request_id = await held(product, budget_micros=100_000)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    edits: list[Json] = [
        {"op": "set_prompt", "step_id": "s1", "prompt": "List five seas"},
        {"op": "add", "step": {"id": "extra", "prompt": "What is 2+3?", "depends_on": ["s2"]}},
        {"op": "add", "step": {"id": "given", "prompt": "What is 2+3?"}},
        {"op": "set_result", "step_id": "given", "result": "by hand"},
        {"op": "rewire", "step_id": "s3", "depends_on": ["s1", "extra"]},
        {"op": "retime", "step_id": "s3", "timeout_s": 60, "deadline": tomorrow},
        {"op": "set_model", "step_id": "s3", "model": product.model},
        {"op": "raise_budget", "to_micros": 200_000},
        {"op": "add", "step": {"id": "gone", "prompt": "never"}},
        {"op": "drop", "step_id": "gone"},
    ]
    await updated(product, request_id, "amend", expected_version=1, edits=edits, reason="better")
    return await ended(product, request_id)


@scenario("a raised budget is held before it is taken, by signal")
async def budget_raised(product: Product) -> Kept:
    assert product.services is not None
    wallet = await Till(product.services.db).prepaid(200_000, tenant=LOCAL_TENANT)
    made = await product.api.post("/v1/keys", json={"name": f"scenario {wallet}", "wallet": wallet})
    async with api_client(str(product.api.base_url), made.json()["secret"]) as api:
        request_id = await held(replace(product, api=api), budget_micros=100_000)
    edits = [{"op": "raise_budget", "to_micros": 150_000}, {"op": "set_result", "step_id": "s1", "result": "by hand"}]
    await signalled(product, request_id, "amend", expected_version=1, edits=edits)
    return await ended(product, request_id)


@scenario("an active step is dropped, by signal")
async def active_step_dropped(product: Product) -> Kept:
    request_id = await held(product)
    edits = [{"op": "drop", "step_id": "s1", "dependents": "detach"}]
    await signalled(product, request_id, "amend", expected_version=1, edits=edits)
    return await ended(product, request_id)


@scenario("a result given by hand ends a running step")
async def result_by_hand(product: Product) -> Kept:
    request_id = await held(product)
    edits = [{"op": "set_result", "step_id": "s1", "result": "by hand"}]
    await updated(product, request_id, "amend", expected_version=1, edits=edits)
    return await ended(product, request_id)


@scenario("paused and resumed by update; the same message id is answered once")
async def paused_by_update(product: Product) -> Kept:
    request_id = await held(product)
    await updated(product, request_id, "pause", message_id="m1")
    await updated(product, request_id, "pause", message_id="m1")
    edits = [{"op": "set_result", "step_id": "s1", "result": "x"}]
    await updated(product, request_id, "amend", expected_version=1, edits=edits)
    await updated(product, request_id, "resume")
    return await ended(product, request_id)


@scenario("paused and resumed by signal")
async def paused_by_signal(product: Product) -> Kept:
    request_id = await held(product)
    await signalled(product, request_id, "pause")
    await signalled(product, request_id, "cancel_step", step_id="s1")
    await signalled(product, request_id, "resume")
    return await ended(product, request_id)


@scenario("a running step is cancelled by update")
async def step_cancelled(product: Product) -> Kept:
    request_id = await held(product)
    await updated(product, request_id, "cancel_step", step_id="s1")
    return await ended(product, request_id)


@scenario("refused: a signal of the wrong shape, an unknown child's end, an update")
async def refused_messages(product: Product) -> Kept:
    request_id = await held(product)
    handle = product.handle(request_id)
    await handle.signal("amend", ["not", "an", "object"])
    await handle.signal("child_finished", {"nobody": "knows"})
    try:
        await handle.execute_update("amend", {"expected_version": 9, "edits": []})
    except WorkflowUpdateFailedError:
        await handle.execute_update("cancel", {})
    return await ended(product, request_id)
