"""Reading what a request made: waiting for it, long results, costs."""

import time

from tests.workflows.product import Product

THREE = "Write about rain. Write about snow. Then compare them."


async def test_wait_answers_as_soon_as_the_request_has_ended(product: Product) -> None:
    request_id = await product.submit(THREE)
    began = time.monotonic()
    ended = await product.get(request_id, wait=30)
    assert time.monotonic() - began < 10
    assert (ended["phase"], ended["simulated"], ended["outcome"]["partial"]) == ("done", True, False)
    assert ended["answer"]
    assert ended["processed_input"]["intent"]
    assert ended["links"]["temporal_web"].endswith(f"/namespaces/default/workflows/{request_id}")


async def test_long_result_is_cut_in_the_plan_and_whole_at_its_step(product: Product) -> None:
    await product.fault({"answer": "long " * 3000}, times=1, task="step", step_id="s1")
    request_id = (await product.ask(THREE))["id"]
    cut = (await product.steps(request_id))["s1"]["result"]
    assert (len(cut["text"]), cut["truncated"], cut["size"]) == (2000, True, 15_000)
    whole = (await product.get(request_id, "/steps/s1"))["result"]
    assert (len(whole["text"]), whole["truncated"]) == (15_000, False)
    assert (await product.api.get(f"/v1/requests/{request_id}/steps/nope")).status_code == 404


async def test_costs_add_up(product: Product) -> None:
    ended = await product.ask(THREE, budget_micros=100_000)
    costs = await product.get(ended["id"], "/costs")
    assert costs["total_micros"] == ended["cost_micros"] == sum(costs["by_slot"].values()) > 0
    assert costs["budget_micros"] == 100_000
    assert len(costs["calls"]) == len(await product.calls())


async def test_ended_requests_are_listed_with_their_message_cut(product: Product) -> None:
    await product.api.post("/v1/requests", json={"message": "x" * 900, "conversation_id": product.model})
    page = (await product.api.get("/v1/requests", params={"conversation_id": product.model})).json()
    assert page["requests"][0]["message"] == {"text": "x" * 500, "truncated": True, "size": 900}


async def test_first_task_goes_to_the_worker_of_the_same_process_without_a_round_trip(product: Product) -> None:
    request_id = await product.submit("Hello!")
    history = await product.handle(request_id).fetch_history()
    assert history.events[0].workflow_execution_started_event_attributes.eager_execution_accepted
    assert history.events[0].workflow_execution_started_event_attributes.workflow_task_timeout.seconds == 5
