"""From the message to an admitted plan, and from a failed plan to the next."""

from tests.replay.scenarios.scenario import THREE_PARTS, Kept, ended, scenario, whole
from tests.workflows.product import Product
from tests.workflows.test_steps import TWO_PARTS, plan_of


@scenario("a plain question: no planner call, no synthesis")
async def simple_request(product: Product) -> Kept:
    return await whole(product, "Hello!")


@scenario("parallel steps, a dependency, a synthesis")
async def parallel_plan(product: Product) -> Kept:
    return await whole(product, THREE_PARTS)


@scenario("a draft is refused by admission and repaired")
async def repaired_draft(product: Product) -> Kept:
    await product.fault({"preset": "cycle"}, task="plan", times=1)
    return await whole(product, TWO_PARTS)


@scenario("every draft is refused: the request fails")
async def plan_refused(product: Product) -> Kept:
    await product.fault({"preset": "cycle"}, task="plan")
    return await whole(product, TWO_PARTS)


@scenario("a step's failure makes a next version of the plan")
async def replan(product: Product) -> Kept:
    await product.fault({"refusal": True}, task="step", step_id="s1")
    return await whole(product, TWO_PARTS)


@scenario("every draft of a replan is refused: the plan goes on as it is")
async def replan_refused(product: Product) -> Kept:
    await product.fault({"refusal": True}, task="step", step_id="s1")
    await product.fault(plan_of({"id": "s1"}, {"id": "s2"}), task="plan", times=1)
    await product.fault({"preset": "cycle"}, task="plan")
    return await whole(product, TWO_PARTS)


@scenario("a replan waits for an approval of its own")
async def replan_approved(product: Product) -> Kept:
    await product.fault({"refusal": True}, task="step", step_id="s1")
    request_id = await product.submit(TWO_PARTS, approval="plan")
    for version in (1, 2):
        await approve(product, request_id, version)
    return await ended(product, request_id)


@scenario("an approval that is remembered: the replan asks no more")
async def approval_remembered(product: Product) -> Kept:
    await product.fault({"refusal": True}, task="step", step_id="s1")
    request_id = await product.submit(TWO_PARTS, approval="plan")
    await approve(product, request_id, 1, remember=True)
    return await ended(product, request_id)


async def approve(product: Product, request_id: str, version: int, *, remember: bool = False) -> None:
    """Wait until a version of the plan wants an approval, and give it."""
    status = await product.until(request_id, "approving")
    while status["approvals"][0]["plan_version"] != version:
        status = await product.until(request_id, "approving")
    answer = await product.send(
        request_id, "approve", approval_id=f"a_plan_{version}", decision="approve", remember=remember
    )
    assert answer.is_success, answer.text


@scenario("the provider refuses the credential: the request fails with the code")
async def dead_credential(product: Product) -> Kept:
    await product.fault({"status": 401})
    return await whole(product, TWO_PARTS)


@scenario("the synthesizer's model is gone: the answer is written by rule")
async def synthesis_fails(product: Product) -> Kept:
    await product.fault({"status": 402}, task="synthesize")
    return await whole(product, TWO_PARTS)


@scenario("a fork starts from a seed: plan and results of another request")
async def fork(product: Product) -> Kept:
    first = await product.ask(THREE_PARTS)
    edits = [{"op": "set_prompt", "step_id": "s3", "prompt": "Count the words"}]
    answer = await product.send(first["id"], "fork", from_step="s3", edits=edits)
    assert answer.status_code == 201, answer.text
    return await ended(product, answer.json()["id"])
