"""Steps: rounds, evaluation, conditions, budgets, the deadline."""

import asyncio
from datetime import UTC, datetime, timedelta

from tests.replay.scenarios.scenario import Kept, ended, scenario, whole
from tests.workflows.product import Product
from tests.workflows.test_messages import held
from tests.workflows.test_steps import TWO_PARTS, plan_of


@scenario("a step is retried with feedback")
async def step_retried(product: Product) -> Kept:
    await product.fault({"empty": True}, task="step", step_id="s1", times=1)
    return await whole(product, TWO_PARTS)


@scenario("a step times out once, and is retried")
async def step_timed_out(product: Product) -> Kept:
    await product.fault(plan_of({"id": "s1", "timeout_s": 1, "max_retries": 1}, {"id": "s2"}), task="plan")
    await product.fault({"hang": True}, task="step", step_id="s1", times=1)
    return await whole(product, TWO_PARTS)


@scenario("a model evaluates a step")
async def model_evaluation(product: Product) -> Kept:
    await product.fault(plan_of({"id": "s1", "evaluate": "model"}, {"id": "s2"}), task="plan")
    return await whole(product, TWO_PARTS)


@scenario("an evaluation fails for good: it counts as undecided")
async def evaluation_fails(product: Product) -> Kept:
    await product.fault(plan_of({"id": "s1", "evaluate": "model"}, {"id": "s2"}), task="plan")
    await product.fault({"status": 402}, task="evaluate")
    return await whole(product, TWO_PARTS)


@scenario("retries are spent: the result is accepted, and said")
async def accepted_after_retries(product: Product) -> Kept:
    await product.fault(plan_of({"id": "s1", "evaluate": "model", "max_retries": 1}, {"id": "s2"}), task="plan")
    await product.fault({"preset": "always_fail"}, task="evaluate")
    return await whole(product, TWO_PARTS)


@scenario("a step fails for good: what needs it is skipped")
async def failed_and_skipped(product: Product) -> Kept:
    await product.fault(plan_of({"id": "s1"}, {"id": "s2"}, {"id": "s3", "depends_on": ["s1"]}), task="plan")
    await product.fault({"status": 402}, task="step", step_id="s1")
    return await whole(product, TWO_PARTS)


@scenario("no step succeeds: the request fails")
async def nothing_succeeds(product: Product) -> Kept:
    await product.fault({"status": 402}, task="step")
    return await whole(product, TWO_PARTS)


@scenario("a condition chooses the branch")
async def branch_skipped(product: Product) -> Kept:
    plan = plan_of(
        {"id": "s1", "prompt": "What is 2+3?"},
        {"id": "yes", "depends_on": ["s1"], "condition": 'steps.s1.result contains "5"'},
        {"id": "no", "depends_on": ["s1"], "condition": 'steps.s1.status == "failed"'},
    )
    await product.fault(plan, task="plan")
    return await whole(product, TWO_PARTS)


@scenario("a condition on a long result is checked by an activity")
async def condition_checked(product: Product) -> Kept:
    plan = plan_of(
        {"id": "s1"},
        {"id": "s2", "depends_on": ["s1"], "condition": 'steps.s1.result contains "0123456789"'},
        {"id": "s3", "depends_on": ["s1"], "condition": 'steps.s1.result contains "not there"'},
    )
    await product.fault(plan, task="plan")
    await product.fault({"repeat_bytes": 5000}, task="step", step_id="s1")
    return await whole(product, TWO_PARTS)


@scenario("no money for any call")
async def budget_exhausted(product: Product) -> Kept:
    return await whole(product, TWO_PARTS, budget_micros=0)


@scenario("money for some of the steps")
async def budget_runs_out(product: Product) -> Kept:
    return await whole(product, "Summarise the moon. List three planets. Name four seas.", budget_micros=400)


@scenario("the deadline stops what runs")
async def deadline(product: Product) -> Kept:
    await product.fault({"hang": True}, task="step", step_id="s1")
    return await whole(product, TWO_PARTS, deadline_s=3)


@scenario("an amendment moves the deadline, and it comes")
async def deadline_moved(product: Product) -> Kept:
    request_id = await held(product)
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    edits = [{"op": "retime", "deadline": soon}]
    answer = await product.send(request_id, "amend", expected_version=1, edits=edits)
    assert answer.is_success, answer.text
    async with asyncio.timeout(20):
        return await ended(product, request_id)
