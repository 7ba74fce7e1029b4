"""Tool steps through the whole product: called, approved, denied, looked up, stopped at a change."""

import json
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.workflows.product import Json, Product, eventually
from tests.workflows.tool_server import Notes, as_json, plan, serving

TWO_PARTS = "Write a haiku about rain. Then write a limerick about snow."


@pytest_asyncio.fixture
async def notes(product: Product) -> AsyncIterator[Notes]:
    async with serving(product) as server:
        yield server


async def approval_of(product: Product, request_id: str, kind: str = "tool") -> Json:
    """Wait until a tool call waits for a decision; return the approval as the API shows it."""

    async def look() -> Json | None:
        seen = await product.get(request_id)
        assert seen["phase"] not in ("done", "failed", "cancelled"), seen["outcome"]
        return next((one for one in seen["approvals"] if one["kind"] == kind), None)

    found: Json = await eventually(look)
    return found


async def decide(product: Product, request_id: str, approval: Json, decision: str = "approve", **more: object) -> None:
    answer = await product.send(request_id, "approve", approval_id=approval["id"], decision=decision, **more)
    assert answer.status_code == 200, answer.text


async def test_a_read_runs_at_once_and_its_result_is_the_steps(product: Product, notes: Notes) -> None:
    await plan(product, notes.step("add", parameters={"a": 2, "b": 3}))
    ended = await product.ask(TWO_PARTS)
    assert ended["phase"] == "done", ended
    assert as_json(ended["answer"]) == {"sum": 5}


async def test_parameters_take_earlier_results_with_their_type(product: Product, notes: Notes) -> None:
    await plan(
        product,
        notes.step("add", parameters={"a": 2, "b": 3}),
        notes.step("add", "s2", parameters={"a": "{{steps.s1.result.sum}}", "b": 1}, depends_on=["s1"]),
        notes.step("echo", "s3", parameters={"text": "sum: {{ steps.s2.result.sum }}!"}, depends_on=["s2"]),
    )
    request_id = await product.submit(TWO_PARTS)
    await product.ended(request_id)
    steps = await product.steps(request_id)
    assert as_json(steps["s3"]["result"]["text"]) == {"text": "sum: 6!"}


async def test_a_write_waits_for_approval_of_its_exact_arguments_and_happens_once(
    product: Product, notes: Notes
) -> None:
    await plan(product, notes.step("note_create", parameters={"text": "hello"}))
    request_id = await product.submit(TWO_PARTS)
    approval = await approval_of(product, request_id)
    assert approval["arguments"]["text"].startswith("hello [lh-")
    assert (approval["effect"], approval["default"]) == ("write", "deny")
    assert await notes.writes() == []
    await decide(product, request_id, approval)
    ended = await product.ended(request_id)
    assert ended["phase"] == "done", ended
    writes = await notes.writes()
    assert len(writes) == 1
    types = [event["event"] for event in await product.events(request_id)]
    assert types.index("approval.asked") < types.index("approval.decided") < types.index("tool.called")
    assert "tool.finished" in types


async def test_a_denied_write_does_not_happen_and_the_answer_says_so(product: Product, notes: Notes) -> None:
    await plan(product, notes.step("note_create", parameters={"text": "hello"}))
    request_id = await product.submit(TWO_PARTS)
    await decide(product, request_id, await approval_of(product, request_id), "deny")
    ended = await product.ended(request_id)
    assert (ended["phase"], ended["outcome"]["reason"]) == ("failed", "no_step_succeeded")
    assert "denied" in ended["outcome"]["detail"]
    assert await notes.writes() == []


async def test_nobody_approves_in_time_and_the_write_does_not_happen(product: Product, notes: Notes) -> None:
    await plan(product, notes.step("note_create", parameters={"text": "hello"}))
    ended = await product.ask(TWO_PARTS, approval_timeout_s=0.3)
    assert "nobody approved" in ended["outcome"]["detail"]
    assert await notes.writes() == []


async def test_remembered_the_tool_is_not_asked_about_again(product: Product, notes: Notes) -> None:
    await plan(
        product,
        notes.step("note_create", parameters={"text": "one"}),
        notes.step("note_create", "s2", parameters={"text": "two"}, depends_on=["s1"]),
    )
    request_id = await product.submit(TWO_PARTS)
    await decide(product, request_id, await approval_of(product, request_id), remember=True)
    ended = await product.ended(request_id)
    assert ended["phase"] == "done"
    assert len(await notes.writes()) == 2


async def test_wrong_arguments_are_refused_before_the_plan_runs(product: Product, notes: Notes) -> None:
    await product.fault(
        {"answer_json": {"steps": [notes.step("add", parameters={"a": "two", "c": 3})]}}, task="plan", times=3
    )
    ended = await product.ask(TWO_PARTS)
    assert ended["outcome"]["reason"] == "plan_refused"
    assert await notes.writes() == []


async def test_arguments_that_turn_out_wrong_make_a_new_plan_with_the_pointer(product: Product, notes: Notes) -> None:
    await plan(
        product,
        notes.step("echo", parameters={"text": "not a number"}),
        notes.step("add", "s2", parameters={"a": "{{steps.s1.result.text}}", "b": 1}, depends_on=["s1"]),
    )
    better = notes.step("add", "s3", parameters={"a": 1, "b": 1})
    await product.fault({"answer_json": {"steps": [better]}}, task="plan", contains="/mcp_parameters/a: ")
    request_id = await product.submit(TWO_PARTS)
    ended = await product.ended(request_id)
    assert ended["plan_version"] == 2, "the planner was not told what was wrong"
    steps = await product.steps(request_id)
    assert {step_id: step["status"] for step_id, step in steps.items()} == {
        "s1": "succeeded",
        "s2": "failed",
        "s3": "succeeded",
    }


async def test_a_write_whose_answer_was_lost_is_looked_up_and_not_repeated(product: Product, notes: Notes) -> None:
    await plan(product, notes.step("note_create", parameters={"text": "hello"}))
    await notes.behave("write_then_crash_once")
    request_id = await product.submit(TWO_PARTS, tool_approval="none")
    ended = await product.ended(request_id)
    assert ended["phase"] == "done", ended
    assert len(await notes.writes()) == 1
    finished = [json.loads(e["data"]) for e in await product.events(request_id) if e["event"] == "tool.finished"]
    assert [event["status"] for event in finished] == ["uncertain", "found"]


async def test_calls_and_a_servers_health_are_told(product: Product, notes: Notes) -> None:
    await plan(
        product,
        notes.step("add", parameters={"a": 2, "b": 3}),
        notes.step("fail", "s2", parameters={"text": "no luck"}, max_retries=0),
    )
    request_id = await product.submit(TWO_PARTS)
    await product.ended(request_id)
    calls = {call["step_id"]: call for call in (await product.get(request_id, "/tool-calls"))["calls"]}
    assert (calls["s1"]["state"], as_json(calls["s1"]["answer"]["text"])) == ("finished", {"sum": 5})
    assert (calls["s2"]["state"], calls["s2"]["error_code"]) == ("failed", "tool_failed")
    assert "no luck" in calls["s2"]["error"]
    answer = await product.api.get(f"/v1/tool-servers/{notes.id}/health")
    health: Json = answer.json()
    assert (health["ok"], health["calls"], health["failed"]) == (True, 2, 1)
    assert health["last_failure"]["code"] == "tool_failed"


async def test_progress_of_a_slow_tool_is_told(product: Product, notes: Notes) -> None:
    await plan(product, notes.step("slow", parameters={"seconds": 2.5, "steps": 10}))
    request_id = await product.submit(TWO_PARTS)
    ended = await product.ended(request_id)
    assert ended["phase"] == "done", ended
    told = [json.loads(e["data"]) for e in await product.events(request_id) if e["event"] == "tool.progress"]
    assert 1 <= len(told) <= 4
    assert all(event["step_id"] == "s1" for event in told)


async def test_a_lost_write_that_cannot_be_looked_up_waits_for_a_person(product: Product, notes: Notes) -> None:
    await notes.register(look_ups=())
    await plan(product, notes.step("note_create", parameters={"text": "hello"}))
    await notes.behave("write_then_crash_once")
    request_id = await product.submit(TWO_PARTS, tool_approval="none")
    approval = await approval_of(product, request_id, "uncertain")
    assert len(await notes.writes()) == 1
    await decide(product, request_id, approval)
    ended = await product.ended(request_id)
    assert ended["phase"] == "done", ended
    assert len(await notes.writes()) == 2, "a person said that it is to be made again"


async def test_a_write_that_stays_unanswered_waits_for_a_person_and_is_no_other_plan(
    product: Product, notes: Notes
) -> None:
    await plan(product, notes.step("note_create", parameters={"text": "hello"}))
    await notes.behave("crashes")
    request_id = await product.submit(TWO_PARTS, tool_approval="none")
    approval = await approval_of(product, request_id, "uncertain")
    assert "may have taken effect" in approval["reason"]
    await notes.behave(None)
    await decide(product, request_id, approval, "deny")
    ended = await product.ended(request_id)
    assert (ended["phase"], ended["plan_version"]) == ("failed", 1)
    assert await notes.writes() == []


async def test_a_restarted_step_looks_for_the_write_of_the_launch_it_replaces(product: Product, notes: Notes) -> None:
    await plan(product, notes.step("note_create", parameters={"text": "hello"}, timeout_s=60))
    await notes.behave("write_then_silence")
    request_id = await product.submit(TWO_PARTS, tool_approval="none")

    async def written() -> bool:
        return bool(await notes.writes())

    await eventually(written)
    await notes.behave(None)
    edit = {"op": "set_parameters", "step_id": "s1", "mcp_parameters": {"text": "hello"}}
    answer = await product.send(request_id, "amend", expected_version=1, edits=[edit])
    assert answer.status_code == 200, answer.text
    ended = await product.ended(request_id)
    assert ended["phase"] == "done", ended
    assert len(await notes.writes()) == 1


async def test_a_tool_that_changed_after_planning_stops_the_step_with_the_difference(
    product: Product, notes: Notes
) -> None:
    await plan(product, notes.step("note_create", parameters={"text": "hello"}))
    request_id = await product.submit(TWO_PARTS)
    first = await approval_of(product, request_id)
    await notes.behave("description_changes")
    await notes.refresh()
    await notes.refresh()
    await decide(product, request_id, first)
    approval = await approval_of(product, request_id, "drift")
    assert [change["field"] for change in approval["changes"]] == ["description"]
    assert await notes.writes() == []
    await decide(product, request_id, approval)
    ended = await product.ended(request_id)
    assert ended["phase"] == "done", ended
    assert len(await notes.writes()) == 1


async def test_a_server_that_is_down_stops_no_other_step(product: Product, notes: Notes) -> None:
    await plan(
        product,
        notes.step("add", parameters={"a": 2, "b": 3}, timeout_s=3),
        {"id": "s2", "prompt": "write a haiku"},
    )
    await notes.behave("never_answers")
    request_id = await product.submit(TWO_PARTS)
    await product.until(request_id, "running")

    async def haiku_done() -> bool:
        return (await product.steps(request_id)).get("s2", {}).get("status") == "succeeded"

    await eventually(haiku_done)
    await product.send(request_id, "cancel", reason="enough")
    assert (await product.ended(request_id))["phase"] == "cancelled"
