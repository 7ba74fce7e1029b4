"""Messages to a running request, by API, update and signal: amendments, approvals, questions, cancels, forks."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.errors import Unavailable
from tests.workflows.product import Product, eventually
from tests.workflows.test_steps import TWO_PARTS, plan_of


async def held(product: Product, *, budget_micros: int | None = None) -> str:
    """Start a request whose step s1 answers only when it is cancelled, and whose s3 waits for both."""
    await product.fault(plan_of({"id": "s1"}, {"id": "s2"}, {"id": "s3", "depends_on": ["s1", "s2"]}), task="plan")
    await product.fault({"hang": True}, task="step", step_id="s1", times=1)
    request_id = await product.submit(TWO_PARTS, budget_micros=budget_micros)

    async def s1_alone() -> bool:
        try:
            if (await product.query(request_id, "progress"))["active"] != 1:
                return False
            return bool((await product.query(request_id, "plan"))["runs"]["s2"]["status"] == "succeeded")
        except Unavailable:  # a server or worker that is just back lets a query wait
            return False

    await eventually(s1_alone)
    return request_id


async def test_amending_every_way_keeps_what_is_done(product: Product) -> None:
    request_id = await held(product)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    edits = [
        {"op": "set_prompt", "step_id": "s1", "prompt": "List five seas"},
        {"op": "add", "step": {"id": "extra", "prompt": "What is 2+3?", "depends_on": ["s2"]}},
        {"op": "rewire", "step_id": "s3", "depends_on": ["s1", "extra"]},
        {"op": "retime", "step_id": "s3", "timeout_s": 60, "deadline": tomorrow},
        {"op": "set_model", "step_id": "s3", "model": product.model},
        {"op": "add", "step": {"id": "gone", "prompt": "never"}},
        {"op": "drop", "step_id": "gone"},
    ]
    answer = await product.send(request_id, "amend", expected_version=1, edits=edits, reason="better")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["version"], body["rerun"], body["cancelled"]) == (2, ["s1"], [])
    assert set(body["kept"]) == {"s2", "s3"}
    ended = await product.ended(request_id)
    steps = await product.steps(request_id)
    assert ended["phase"] == "done"
    assert {name: step["status"] for name, step in steps.items()} == dict.fromkeys(steps, "succeeded")
    assert len([call for call in await product.calls() if call["step_id"] == "s2"]) == 1


async def test_result_given_by_hand_ends_a_running_step(product: Product) -> None:
    request_id = await held(product)
    edits = [{"op": "set_result", "step_id": "s1", "result": "by hand"}]
    assert (await product.send(request_id, "amend", expected_version=1, edits=edits)).status_code == 200
    assert (await product.ended(request_id))["phase"] == "done"
    assert (await product.steps(request_id))["s1"]["result"]["text"] == "by hand"


async def test_budget_is_raised_while_running(product: Product) -> None:
    await product.fault({"hang": True}, task="step", step_id="s1", times=1)
    request_id = await product.submit(TWO_PARTS, budget_micros=100_000)
    await product.until_active(request_id, 1)
    edits = [{"op": "raise_budget", "to_micros": 200_000}, {"op": "set_result", "step_id": "s1", "result": "x"}]
    assert (await product.send(request_id, "amend", expected_version=1, edits=edits)).status_code == 200
    assert (await product.query(request_id, "costs"))["budget_micros"] == 200_000
    assert (await product.ended(request_id))["phase"] == "done"


@pytest.mark.parametrize(
    ("version", "edit", "status", "code"),
    [
        (7, {"op": "drop", "step_id": "s3"}, 409, "stale_version"),
        (1, {"op": "rewire", "step_id": "s1", "depends_on": ["s3"]}, 422, "cycle"),
        (1, {"op": "set_prompt", "step_id": "s2", "prompt": "again"}, 409, "step_finished"),
        (1, {"op": "drop", "step_id": "nobody"}, 422, "unknown_step"),
        (1, {"op": "explode"}, 422, None),
    ],
)
async def test_refused_amendment_changes_nothing(
    product: Product, version: int, edit: dict[str, object], status: int, code: str | None
) -> None:
    request_id = await held(product)
    answer = await product.send(request_id, "amend", expected_version=version, edits=[edit])
    assert answer.status_code == status, answer.text
    if code is not None:
        assert code in [problem["code"] for problem in answer.json()["problems"]]
    assert (await product.query(request_id, "status"))["plan_version"] == 1
    await product.send(request_id, "cancel")
    await product.ended(request_id)


async def test_same_message_id_is_answered_once(product: Product) -> None:
    request_id = await held(product)
    edits = [{"op": "add", "step": {"id": "extra", "prompt": "What is 2+3?"}}]
    first = await product.send(request_id, "amend", expected_version=1, edits=edits, message_id="m1")
    again = await product.send(request_id, "amend", expected_version=1, edits=edits, message_id="m1")
    assert first.json() == again.json()
    assert (await product.query(request_id, "status"))["plan_version"] == 2
    await product.send(request_id, "cancel")


async def test_refused_update_leaves_no_trace_in_history(product: Product) -> None:
    request_id = await held(product)
    handle = product.handle(request_id)
    before = len((await handle.fetch_history()).events)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("amend", {"expected_version": 9, "edits": []})
    cause = refused.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "AmendmentRefused"
    assert len((await handle.fetch_history()).events) == before
    await handle.signal("cancel", {})


async def test_refused_signal_stands_in_the_status_and_in_the_log(product: Product) -> None:
    request_id = await held(product)
    await product.handle(request_id).signal("amend", ["not", "an", "object"])
    refusals = (await product.query(request_id, "status"))["refusals"]
    assert [refusal["message"] for refusal in refusals] == ["amend"]
    await product.handle(request_id).signal("cancel", {})
    await product.ended(request_id)
    assert "message.refused" in [event["event"] for event in await product.events(request_id)]


async def test_pause_starts_nothing_until_resumed(product: Product) -> None:
    request_id = await held(product)
    await product.send(request_id, "pause")
    edits = [{"op": "set_result", "step_id": "s1", "result": "x"}]
    await product.send(request_id, "amend", expected_version=1, edits=edits)
    assert (await product.get(request_id))["paused"] is True
    assert (await product.query(request_id, "plan"))["runs"]["s3"]["status"] == "pending"
    await product.send(request_id, "resume")
    assert (await product.ended(request_id))["phase"] == "done"


async def test_cancelled_step_skips_what_needs_it(product: Product) -> None:
    request_id = await held(product)
    answer = await product.api.post(f"/v1/requests/{request_id}/steps/s1/cancel", json={})
    assert answer.status_code == 200, answer.text
    ended = await product.ended(request_id)
    steps = await product.steps(request_id)
    assert [steps[name]["status"] for name in ("s1", "s2", "s3")] == ["cancelled", "succeeded", "skipped"]
    assert ended["outcome"]["partial"] is True


@pytest.mark.parametrize("way", ["update", "signal", "temporal"])
async def test_cancel_takes_one_path(product: Product, way: str) -> None:
    request_id = await held(product)
    handle = product.handle(request_id)
    if way == "update":
        await product.send(request_id, "cancel", reason="no longer needed")
    elif way == "signal":
        await handle.signal("cancel", {"reason": "no longer needed"})
    else:
        await handle.cancel()
    ended = await product.ended(request_id)
    assert (ended["phase"], ended["outcome"]["reason"]) == ("cancelled", "cancelled")
    await handle.result()
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    aborted = [call for call in await product.calls() if call["step_id"] == "s1"]
    assert [call["aborted"] for call in aborted] == [True]


async def test_message_to_an_ended_request_is_a_conflict(product: Product) -> None:
    ended = await product.ask("Hello!")
    answer = await product.send(ended["id"], "pause")
    assert answer.status_code == 409


@pytest.mark.parametrize("reply", ["blue", None])
async def test_unclear_request_asks_and_goes_on(product: Product, reply: str | None) -> None:
    request_id = await product.submit("do it", question_timeout_s=60 if reply else 1)
    if reply is not None:
        status = await product.until(request_id, "asking")
        question = status["questions"][0]
        shown = await product.get(request_id)
        assert shown["questions"][0]["id"] == question["id"]
        answer = await product.send(request_id, "reply", question_id=question["id"], text="Summarise the moon")
        assert answer.status_code == 200, answer.text
    ended = await product.ended(request_id)
    assert ended["phase"] == "done"
    answered = [event for event in await product.events(request_id) if event["event"] == "question.answered"]
    assert json.loads(answered[0]["data"]).get("reply") == ("Summarise the moon" if reply else None)


async def test_human_step_takes_the_reply_as_its_result(product: Product) -> None:
    await product.fault(plan_of({"id": "h", "kind": "human", "prompt": "Which colour?"}, {"id": "s2"}), task="plan")
    request_id = await product.submit(TWO_PARTS)

    async def asked() -> list[dict[str, str]]:
        found: list[dict[str, str]] = (await product.query(request_id, "status"))["questions"]
        return found

    question = (await eventually(asked))[0]
    await product.handle(request_id).signal("reply", {"question_id": question["id"], "text": "blue"})
    ended = await product.ended(request_id)
    assert ended["phase"] == "done"
    assert (await product.steps(request_id))["h"]["result"]["text"] == "blue"


@pytest.mark.parametrize(("decision", "phase"), [("approve", "done"), ("deny", "cancelled"), (None, "failed")])
async def test_plan_waits_for_its_approval(product: Product, decision: str | None, phase: str) -> None:
    request_id = await product.submit(TWO_PARTS, approval="plan", approval_timeout_s=60 if decision else 1)
    if decision is not None:
        status = await product.until(request_id, "approving")
        assert (await product.tasks()).count("step") == 0
        await product.send(request_id, "approve", approval_id=status["approvals"][0]["id"], decision=decision)
    assert (await product.ended(request_id))["phase"] == phase


async def test_fork_reuses_what_stands_before_the_step(product: Product) -> None:
    ended = await product.ask("Summarise the moon. List three planets. Then compare them.")
    answer = await product.send(
        ended["id"], "fork", from_step="s3", edits=[{"op": "set_prompt", "step_id": "s3", "prompt": "Count the words"}]
    )
    assert answer.status_code == 201, answer.text
    forked = await product.ended(answer.json()["id"])
    assert forked["phase"] == "done"
    assert forked["forked_from"] == ended["id"]
    assert (await product.tasks()).count("step") == 4
    steps = await product.steps(forked["id"])
    assert steps["s1"]["result"] == (await product.steps(ended["id"]))["s1"]["result"]


@pytest.mark.parametrize("payloads", [[], [None], [{}, {}]])
async def test_signal_with_any_number_of_payloads_stalls_nothing(product: Product, payloads: list[object]) -> None:
    request_id = await held(product)
    handle = product.handle(request_id)
    await handle.signal("pause", args=payloads)
    status = await product.query(request_id, "status")
    assert status["paused"] is (len(payloads) < 2)
    assert len(status["refusals"]) == (1 if len(payloads) > 1 else 0)
    await handle.signal("cancel", args=[])
    assert (await product.ended(request_id))["phase"] == "cancelled"


async def test_step_added_while_a_replan_is_drafted_is_seen_by_the_planner(product: Product) -> None:
    await product.fault({"refusal": True}, task="step", step_id="s1", times=1)
    await product.fault({"delay_s": 2}, task="plan", contains="the model refused", times=1)
    request_id = await product.submit(TWO_PARTS)
    await product.until(request_id, "planning")

    async def replans() -> bool:
        return (await product.tasks()).count("plan") == 2

    await eventually(replans)
    edits = [{"op": "add", "step": {"id": "extra", "prompt": "What is 2+3?"}}]
    answer = await product.send(request_id, "amend", expected_version=1, edits=edits)
    assert answer.status_code == 200, answer.text
    assert (await product.ended(request_id))["phase"] == "done"
    assert (await product.tasks()).count("plan") == 3
    steps = await product.steps(request_id)
    assert any(name.startswith("extra") and step["status"] == "succeeded" for name, step in steps.items())


async def test_amendment_while_the_answer_is_written_is_refused(product: Product) -> None:
    await product.fault({"delay_s": 2}, task="synthesize")
    request_id = await product.submit(TWO_PARTS)
    await product.until(request_id, "synthesizing")
    edits = [{"op": "add", "step": {"id": "extra", "prompt": "What is 2+3?"}}]
    answer = await product.send(request_id, "amend", expected_version=1, edits=edits)
    assert (answer.status_code, answer.json()["problems"][0]["code"]) == (409, "no_open_plan")
    assert (await product.ended(request_id))["phase"] == "done"
