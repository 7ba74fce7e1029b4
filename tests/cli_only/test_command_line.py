"""A whole request driven by nothing but the `temporal` command line: started, watched, amended, answered, ended."""

import secrets
import time
from typing import Any

from domain import ids
from tests.cli_only.command import Terminal
from tests.docs.pages import blocks, page
from tests.workflows.product import Json, Product, eventually
from tests.workflows.test_steps import plan_of

MESSAGE = "Summarise the moon. List three planets."


async def start(terminal: Terminal, product: Product, message: str = MESSAGE, **options: Any) -> str:
    """Start a request by hand, with the id of its own choice and no row in the database."""
    request_id = ids.request_id(int(time.time() * 1000), secrets.randbits(80))
    facts = {
        "request_id": request_id,
        "owner": "local",
        "message": {"text": message, "size": len(message.encode())},
        "options": {"model": product.model, **options},
    }
    started = await terminal.printed(
        "start", request_id, type="RequestWorkflow", task_queue=product.task_queue, input={"facts": facts}
    )
    assert started["workflowId"] == request_id
    return request_id


async def outcome(terminal: Terminal, request_id: str) -> Json:
    """Wait for the end with `temporal workflow result`."""
    printed = await terminal.printed("result", request_id)
    assert printed["status"] == "COMPLETED"
    result: Json = printed["result"]
    return result


async def held(terminal: Terminal, product: Product, *steps: Json, **options: Any) -> str:
    """Start a request whose step s1 does not answer, and wait until it alone runs."""
    await product.fault(plan_of({"id": "s1"}, {"id": "s2"}, *steps), task="plan")
    await product.fault({"hang": True}, task="step", step_id="s1")
    request_id = await start(terminal, product, **options)
    await terminal.until(request_id, "progress", active=1, ended=1)
    return request_id


async def test_whole_request_by_updates(terminal: Terminal, product: Product) -> None:
    human = {"id": "h", "kind": "human", "prompt": "Which colour?"}
    last = {"id": "s3", "depends_on": ["s2", "h"]}
    await product.fault(plan_of({"id": "s1"}, {"id": "s2"}, human, last), task="plan")
    await product.fault({"hang": True}, task="step", step_id="s1")
    request_id = await start(terminal, product, approval="plan", budget_micros=100_000)

    waiting = await terminal.until(request_id, "status", phase="approving")
    approval_id = waiting["approvals"][0]["id"]
    metadata = await terminal.printed("metadata", request_id)
    assert "| s1 | generate |" in metadata["queryResult"][0]["currentDetails"]
    approved = await terminal.update(request_id, "approve", {"approval_id": approval_id, "decision": "approve"})
    assert approved["plan_version"] == 1

    asking = await terminal.until(request_id, "progress", active=2, ended=1)
    assert (asking["phase"], asking["total"]) == ("running", 4)
    assert (await terminal.update(request_id, "pause", {}))["paused"] is True
    assert (await terminal.query(request_id, "status"))["paused"] is True
    edits = [
        {"op": "set_prompt", "step_id": "s3", "prompt": "Name the colour"},
        {"op": "add", "step": {"id": "s4", "prompt": "What is 2+3?"}},
    ]
    amended = await terminal.update(request_id, "amend", {"expected_version": 1, "edits": edits, "reason": "better"})
    assert (amended["version"], amended["cancelled"], amended["rerun"]) == (2, [], [])
    assert set(amended["kept"]) == {"s1", "s2", "h", "s3"}

    question = (await terminal.query(request_id, "status"))["questions"][0]
    await terminal.update(request_id, "reply", {"question_id": question["id"], "text": "blue"})
    await terminal.until(request_id, "progress", ended=2, pending=2)
    assert (await terminal.update(request_id, "resume", {}))["paused"] is False
    await terminal.until(request_id, "progress", ended=4)
    costs = await terminal.query(request_id, "costs")
    assert (costs["budget_micros"], costs["granted_micros"] > 0) == (100_000, True)
    assert {step["step_id"]: step["cost_micros"] > 0 for step in costs["steps"]}["s2"]

    await terminal.update(request_id, "cancel_step", {"step_id": "s1"})
    ended = await outcome(terminal, request_id)
    assert (ended["phase"], bool(ended["answer"]["text"])) == ("done", True)
    assert await terminal.steps(request_id) == {
        "s1": "cancelled", "s2": "succeeded", "h": "succeeded", "s3": "succeeded", "s4": "succeeded"
    }  # fmt: skip


async def test_whole_request_by_signals(terminal: Terminal, product: Product) -> None:
    await product.fault(plan_of({"id": "s1"}, {"id": "s2"}), task="plan")
    await product.fault({"hang": True}, task="step")
    request_id = await start(terminal, product, "do it", approval="plan")
    asking = await terminal.until(request_id, "status", phase="asking")
    await terminal.signal(request_id, "reply", {"question_id": asking["questions"][0]["id"], "text": MESSAGE})
    approving = await terminal.until(request_id, "status", phase="approving")
    await terminal.signal(
        request_id, "approve", {"approval_id": approving["approvals"][0]["id"], "decision": "approve"}
    )
    await terminal.until(request_id, "progress", active=2)
    await terminal.signal(request_id, "pause", {})
    assert (await terminal.query(request_id, "status"))["paused"] is True
    edits = [{"op": "set_result", "step_id": "s1", "result": "by hand"}]
    await terminal.signal(request_id, "amend", {"expected_version": 1, "edits": edits})
    await terminal.until(request_id, "status", plan_version=2)
    await terminal.signal(request_id, "cancel_step", {"step_id": "s2"})
    await terminal.signal(request_id, "resume", {})
    ended = await outcome(terminal, request_id)
    assert (ended["phase"], ended["answer"]["text"].splitlines()[0]) == ("done", "by hand")


async def test_request_started_by_hand_is_one_like_any_other(terminal: Terminal, product: Product) -> None:
    request_id = await start(terminal, product, "Hello!")
    ended = await outcome(terminal, request_id)
    shown = await product.get(request_id)
    assert (shown["phase"], shown["message"], shown["answer"]) == ("done", "Hello!", ended["answer"]["text"])
    assert shown["cost_micros"] == ended["cost_micros"] > 0
    events = await product.events(request_id)
    assert [event["event"] for event in events].count("request.accepted") == 1


async def test_start_by_hand_works_as_documented(terminal: Terminal, product: Product) -> None:
    (line,) = [line for line in blocks(page("docs/messages.md"), "sh") if "workflow start" in line]
    request_id = ids.request_id(int(time.time() * 1000), secrets.randbits(80))
    ran = await terminal.run(line.replace("--task-queue longhaul", f"--task-queue {product.task_queue}"), ID=request_id)
    assert ran.code == 0, ran.err
    waiting = await terminal.until(request_id, "status", phase="approving")
    answer = {"approval_id": waiting["approvals"][0]["id"], "decision": "approve"}
    await terminal.update(request_id, "approve", answer)
    assert "5" in (await outcome(terminal, request_id))["answer"]["text"]


async def test_message_sent_before_the_first_task_finds_its_request(terminal: Terminal, product: Product) -> None:
    request_id = ids.request_id(int(time.time() * 1000), secrets.randbits(80))
    facts: Json = {"request_id": request_id, "owner": "local", "message": {"text": "Hello!", "size": 6}}
    await terminal.printed(
        "signal-with-start", request_id, type="RequestWorkflow", task_queue=product.task_queue,
        input={"facts": facts}, signal_name="pause", signal_input=["not", "an", "object"],
    )  # fmt: skip
    assert (await outcome(terminal, request_id))["phase"] == "done"
    assert [refusal["message"] for refusal in (await product.get(request_id))["refusals"]] == ["pause"]


async def test_cancel_by_signal_ends_as_cancelled(terminal: Terminal, product: Product) -> None:
    request_id = await held(terminal, product)
    await terminal.signal(request_id, "cancel", {"reason": "no longer needed"})
    ended = await outcome(terminal, request_id)
    assert (ended["phase"], ended["reason"], ended["detail"]) == ("cancelled", "cancelled", "no longer needed")


async def test_temporals_own_cancel_ends_as_cancelled(terminal: Terminal, product: Product) -> None:
    request_id = await held(terminal, product)
    await terminal.run(f"temporal workflow cancel --workflow-id {request_id}")
    ended = await outcome(terminal, request_id)
    assert (ended["phase"], ended["detail"]) == ("cancelled", "cancelled in Temporal")
    await found(terminal, request_id, "cancelled")


async def test_refused_update_prints_the_refusal(terminal: Terminal, product: Product) -> None:
    request_id = await held(terminal, product)
    stale = {"expected_version": 7, "edits": [{"op": "drop", "step_id": "s1"}]}
    ran = await terminal.workflow("update execute", request_id, name="amend", input=stale)
    assert ran.code != 0
    assert "AmendmentRefused" in ran.err
    assert "version" in ran.err
    ran = await terminal.workflow("update execute", request_id, name="approve", input=["not", "an", "object"])
    assert (ran.code != 0, "MessageRefused" in ran.err) == (True, True)
    assert (await terminal.query(request_id, "status"))["plan_version"] == 1
    await terminal.signal(request_id, "cancel", {})
    await outcome(terminal, request_id)


async def test_signal_of_the_wrong_shape_stands_in_the_status(terminal: Terminal, product: Product) -> None:
    request_id = await held(terminal, product)
    await terminal.signal(request_id, "amend", ["not", "an", "object"])
    refused = (await terminal.query(request_id, "status"))["refusals"]
    assert [(refusal["message"], refusal["problems"][0]["code"]) for refusal in refused] == [("amend", "invalid")]
    await terminal.signal(request_id, "cancel", {})
    await outcome(terminal, request_id)


async def test_search_finds_a_request_by_its_phase(terminal: Terminal, product: Product) -> None:
    request_id = await start(terminal, product, "Hello!")
    await outcome(terminal, request_id)
    await found(terminal, request_id, "done")


async def found(terminal: Terminal, request_id: str, phase: str) -> None:
    """Wait until `temporal workflow list` finds the request in a phase."""
    query = f'LonghaulPhase = "{phase}" AND WorkflowId = "{request_id}"'

    async def listed() -> bool:
        ran = await terminal.run(f"temporal workflow list --query '{query}' --output json")
        assert ran.code == 0, ran.err
        return request_id in ran.out

    await eventually(listed)
