"""Steps: evaluation, retries with feedback, replans, accepting and saying so, time-outs, conditions, budgets."""

import json
from typing import Any

from tests.workflows.product import Product

TWO_PARTS = "Summarise the moon. List three planets."


def plan_of(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"answer_json": {"steps": [{"kind": "generate", "prompt": "Summarise the moon", **step} for step in steps]}}


async def test_empty_answer_is_retried_with_feedback(product: Product) -> None:
    await product.fault({"empty": True}, task="step", step_id="s1", times=1)
    await product.fault({"answer": "Taken up."}, task="step", step_id="s1", contains="the answer is empty")
    ended = await product.ask(TWO_PARTS)
    step = (await product.steps(ended["id"]))["s1"]
    assert step["result"]["text"] == "Taken up."
    assert step["evaluation"]["by"] == "rule"
    assert len([call for call in await product.calls() if call["step_id"] == "s1"]) == 2


async def test_model_judges_where_the_step_says_so(product: Product) -> None:
    await product.fault(plan_of({"id": "s1", "evaluate": "model"}, {"id": "s2"}), task="plan")
    ended = await product.ask(TWO_PARTS)
    assert (await product.tasks()).count("evaluate") == 1
    steps = await product.steps(ended["id"])
    assert [steps[name]["evaluation"]["by"] for name in ("s1", "s2")] == ["model", "rule"]


async def test_spent_retries_are_accepted_and_said(product: Product) -> None:
    await product.fault(plan_of({"id": "s1", "evaluate": "model", "max_retries": 1}, {"id": "s2"}), task="plan")
    await product.fault({"preset": "always_fail"}, task="evaluate")
    ended = await product.ask(TWO_PARTS)
    step = (await product.steps(ended["id"]))["s1"]
    assert (ended["phase"], ended["outcome"]["partial"], step["status"]) == ("done", True, "accepted")
    assert step["note"]
    assert (await product.tasks()).count("evaluate") == 2


async def test_contradicting_evaluator_counts_as_a_success(product: Product) -> None:
    await product.fault(plan_of({"id": "s1", "evaluate": "model"}, {"id": "s2"}), task="plan")
    await product.fault({"preset": "contradiction"}, task="evaluate")
    ended = await product.ask(TWO_PARTS)
    step = (await product.steps(ended["id"]))["s1"]
    assert step["status"] == "succeeded"
    assert "contradicted itself" in step["evaluation"]["reason"]


async def test_evaluator_that_talks_nonsense_stops_nothing(product: Product) -> None:
    await product.fault(plan_of({"id": "s1", "evaluate": "model"}, {"id": "s2"}), task="plan")
    await product.fault({"preset": "not_json"}, task="evaluate")
    ended = await product.ask(TWO_PARTS)
    assert (await product.steps(ended["id"]))["s1"]["status"] == "succeeded"


async def test_refusal_replans_and_keeps_what_is_done(product: Product) -> None:
    await product.fault({"refusal": True}, task="step", step_id="s1")
    ended = await product.ask(TWO_PARTS)
    assert ended["phase"] == "done"
    assert ended["plan_version"] == 2
    steps = await product.steps(ended["id"])
    assert steps["s1"]["status"] == "failed"
    assert steps["s2"]["status"] == "succeeded"
    assert len([call for call in await product.calls() if call["step_id"] == "s2"]) == 1
    assert any(step["status"] == "succeeded" for name, step in steps.items() if name not in ("s1", "s2"))


async def test_replans_are_capped(product: Product) -> None:
    await product.fault({"refusal": True}, task="step")
    ended = await product.ask(TWO_PARTS)
    assert (await product.tasks()).count("plan") <= 3
    assert ended["outcome"]["partial"] is True


async def test_answer_over_two_mib_ends_the_step_with_its_code(product: Product) -> None:
    await product.fault({"repeat_bytes": 2 * 1024 * 1024 + 1}, task="step", step_id="s1")
    ended = await product.ask(TWO_PARTS)
    steps = await product.steps(ended["id"])
    assert ended["phase"] == "done"
    assert steps["s1"]["status"] == "failed"
    assert steps["s2"]["status"] == "succeeded"


async def test_step_timeout_is_a_round(product: Product) -> None:
    await product.fault(plan_of({"id": "s1", "timeout_s": 1, "max_retries": 1}, {"id": "s2"}), task="plan")
    await product.fault({"hang": True}, task="step", step_id="s1", times=1)
    ended = await product.ask(TWO_PARTS)
    assert (await product.steps(ended["id"]))["s1"]["status"] == "succeeded"
    assert len([call for call in await product.calls() if call["step_id"] == "s1"]) == 2


async def test_conditions_choose_the_branch(product: Product) -> None:
    await product.fault(
        plan_of(
            {"id": "s1", "prompt": "What is 2+3?"},
            {"id": "yes", "depends_on": ["s1"], "condition": 'steps.s1.result contains "5"'},
            {"id": "no", "depends_on": ["s1"], "condition": 'steps.s1.status == "failed"'},
        ),
        task="plan",
    )
    ended = await product.ask(TWO_PARTS)
    steps = await product.steps(ended["id"])
    assert (steps["yes"]["status"], steps["no"]["status"]) == ("succeeded", "skipped")
    assert ended["outcome"]["partial"] is False


async def test_condition_on_a_long_result_is_checked_where_it_lies(product: Product) -> None:
    await product.fault(
        plan_of(
            {"id": "s1"},
            {"id": "s2", "depends_on": ["s1"], "condition": 'steps.s1.result contains "0123456789"'},
            {"id": "s3", "depends_on": ["s1"], "condition": 'steps.s1.result contains "not there"'},
        ),
        task="plan",
    )
    await product.fault({"repeat_bytes": 5000}, task="step", step_id="s1")
    steps = await product.steps((await product.ask(TWO_PARTS))["id"])
    assert [steps[name]["status"] for name in ("s1", "s2", "s3")] == ["succeeded", "succeeded", "skipped"]


async def test_failure_skips_what_needs_it_and_is_told(product: Product) -> None:
    await product.fault(plan_of({"id": "s1"}, {"id": "s2"}, {"id": "s3", "depends_on": ["s1"]}), task="plan")
    await product.fault({"status": 402}, task="step", step_id="s1")
    ended = await product.ask(TWO_PARTS)
    steps = await product.steps(ended["id"])
    assert [steps[name]["status"] for name in ("s1", "s2", "s3")] == ["failed", "succeeded", "skipped"]
    assert (ended["phase"], ended["outcome"]["partial"]) == ("done", True)


async def test_nothing_succeeds_fails_the_request(product: Product) -> None:
    await product.fault({"status": 402}, task="step")
    ended = await product.ask(TWO_PARTS)
    assert (ended["phase"], ended["outcome"]["reason"]) == ("failed", "no_step_succeeded")


async def test_spending_stays_within_the_budget(product: Product) -> None:
    ended = await product.ask(
        "Summarise the moon. List three planets. Name four seas. Then compare them.", budget_micros=400
    )
    assert ended["cost_micros"] <= 400
    costs = await product.get(ended["id"], "/costs")
    assert sum(call["cost_micros"] for call in costs["calls"]) == ended["cost_micros"]


async def test_budget_of_nothing_pays_no_call(product: Product) -> None:
    ended = await product.ask(TWO_PARTS, budget_micros=0)
    assert (ended["phase"], ended["outcome"]["reason"]) == ("failed", "budget_exhausted")
    assert await product.calls() == []


async def test_deadline_ends_the_request(product: Product) -> None:
    await product.fault({"hang": True}, task="step", step_id="s1")
    ended = await product.ask(TWO_PARTS, deadline_s=2)
    assert (ended["phase"], ended["outcome"]["reason"]) == ("failed", "deadline_exceeded")


async def test_sub_request_answers_its_step(product: Product) -> None:
    plan = plan_of({"id": "sub", "kind": "request", "prompt": "What is 2+3?"}, {"id": "s2"})
    await product.fault(plan, task="plan")
    ended = await product.ask(TWO_PARTS)
    step = (await product.steps(ended["id"]))["sub"]
    assert step["status"] == "succeeded"
    assert "5" in step["result"]["text"]
    assert step["cost_micros"] > 0
    paid = [json.loads(event["data"]) for event in await product.events(ended["id"]) if event["event"] == "cost"]
    child = await product.get(next(cost["call_id"] for cost in paid if "/" not in cost["call_id"]))
    assert child["simulated"] is True
    assert (child["phase"], child["parent_id"], child["cost_micros"]) == ("done", ended["id"], step["cost_micros"])


async def test_all_that_a_request_starts_shares_the_queue_as_its_tenant(product: Product) -> None:
    own, child = {"id": "sub", "kind": "request", "prompt": "What is 2+3?"}, {"id": "s2", "timeout_s": 301}
    await product.fault(plan_of(own, child), task="plan", times=1)
    ended = await product.ask(TWO_PARTS, priority=2)
    paid = [json.loads(event["data"]) for event in await product.events(ended["id"]) if event["event"] == "cost"]
    sub_request = next(cost["call_id"] for cost in paid if "/" not in cost["call_id"])
    for workflow_id in (ended["id"], f"{ended['id']}/s2/1", sub_request):
        described = await product.temporal.get_workflow_handle(workflow_id).describe()
        turn = described.raw_description.workflow_execution_info.priority
        assert (turn.priority_key, turn.fairness_key) == (2, "default"), workflow_id


async def test_sub_request_builds_on_earlier_results(product: Product) -> None:
    sub = {"id": "sub", "kind": "request", "depends_on": ["s1"]}
    await product.fault(plan_of({"id": "s1", "prompt": "What is 2+3?"}, sub), task="plan", times=1)
    ended = await product.ask(TWO_PARTS)
    steps = await product.steps(ended["id"])
    assert steps["s1"]["result"]["text"] in steps["sub"]["result"]["text"]


async def test_sub_requests_nest_at_most_three_deep(product: Product) -> None:
    plan = plan_of({"id": "sub", "kind": "request", "prompt": TWO_PARTS})
    await product.fault(plan, task="plan")
    ended = await product.ask(TWO_PARTS)
    assert ended["phase"] == "failed"
    assert (await product.tasks()).count("understand") == 4


async def test_child_placement_gives_the_same_answer(product: Product) -> None:
    inline = await product.ask(TWO_PARTS)
    plan = plan_of({"id": "s1", "timeout_s": 301}, {"id": "s2", "prompt": "List three planets", "timeout_s": 301})
    await product.fault(plan, task="plan")
    child = await product.ask(TWO_PARTS)
    assert child["phase"] == inline["phase"] == "done"
