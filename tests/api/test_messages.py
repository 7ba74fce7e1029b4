"""Messages over HTTP: what is taken, what is refused with which status, and that none is taken twice."""

import time
from typing import Any

import httpx
import pytest

from api.parts import Parts
from runtime.settings import Settings
from tests.api.served import client_of, parts_like, serving
from tests.workflows.product import Product, eventually

TOOL = {"id": "x", "kind": "tool", "prompt": "p"}
THREE = "Write about rain. Write about snow. Then compare them."


async def held(product: Product) -> str:
    """Submit a request whose first step does not end by itself."""
    await product.fault({"hang": True}, task="step", step_id="s1")
    request_id = await product.submit(THREE)
    await product.until_active(request_id, 1)
    return request_id


async def test_amendment_is_answered_with_the_new_plan_and_its_difference_can_be_read(product: Product) -> None:
    request_id = await held(product)
    edits = [
        {"op": "set_prompt", "step_id": "s3", "prompt": "Say which is colder"},
        {"op": "add", "step": {"id": "title", "prompt": "Find a title", "depends_on": ["s3"]}},
        {"op": "drop", "step_id": "s1", "dependents": "detach"},
    ]
    answer = await product.send(request_id, "amend", expected_version=1, edits=edits, reason="colder")
    assert answer.status_code == 200, answer.text
    assert answer.json()["version"] == 2
    assert answer.json()["cancelled"] == ["s1"]
    ended = await product.ended(request_id)
    assert ended["phase"] == "done"
    diff = await product.get(request_id, "/plan/diff", **{"from": 1, "to": 2})
    assert (diff["added"], diff["dropped"]) == (["title"], ["s1"])
    assert diff["changed"][0]["fields"]["prompt"] == {"from": "Compare them", "to": "Say which is colder"}
    first = await product.get(request_id, "/plan", version=1)
    assert [step["id"] for step in first["steps"]] == ["s1", "s2", "s3"]
    assert (await product.api.get(f"/v1/requests/{request_id}/plan?version=9")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"expected_version": 7, "edits": [{"op": "drop", "step_id": "s3"}]}, 409, "stale_version"),
        ({"expected_version": 1, "edits": [{"op": "rewire", "step_id": "s1", "depends_on": ["s3"]}]}, 422, "cycle"),
        ({"expected_version": 1, "edits": [{"op": "drop", "step_id": "nope"}]}, 422, "unknown_step"),
        ({"expected_version": 1, "edits": [{"op": "explode"}]}, 422, "union_tag_invalid"),
        ({"expected_version": 1, "edits": []}, 422, "too_short"),
        ({"expected_version": 1, "edits": [{"op": "add", "step": TOOL}]}, 422, "action_missing"),
    ],
)
async def test_amendment_that_does_not_pass_changes_nothing(
    product: Product, body: dict[str, Any], status: int, code: str
) -> None:
    request_id = await held(product)
    answer = await product.send(request_id, "amend", **body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert code in {problem["code"] for problem in answer.json()["problems"]}
    assert (await product.get(request_id))["plan_version"] == 1
    assert (await product.send(request_id, "cancel")).status_code == 200


async def test_amending_a_step_that_has_ended_is_a_conflict(product: Product) -> None:
    request_id = await held(product)

    async def has_ended() -> bool:
        succeeded = (await product.steps(request_id))["s2"]["status"] == "succeeded"
        active: int = (await product.query(request_id, "progress"))["active"]
        return succeeded and active == 1  # the workflow knows it too

    await eventually(has_ended)
    edits = [{"op": "set_prompt", "step_id": "s2", "prompt": "Something else"}]
    answer = await product.send(request_id, "amend", expected_version=1, edits=edits)
    assert (answer.status_code, answer.json()["problems"][0]["code"]) == (409, "step_finished")
    await product.send(request_id, "cancel")


async def test_same_message_again_gets_the_same_answer_and_is_taken_once(product: Product) -> None:
    request_id = await held(product)
    edit = {"op": "add", "step": {"id": "extra", "prompt": "More"}}
    body = {"expected_version": 1, "edits": [edit], "message_id": "m-1"}
    answers = [await product.send(request_id, "amend", **body) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert (await product.get(request_id))["plan_version"] == 2
    await product.send(request_id, "cancel")


async def test_corrected_message_may_use_the_id_of_its_refusal_again(product: Product) -> None:
    request_id = await held(product)
    edits = [{"op": "add", "step": {"id": "extra", "prompt": "More"}}]
    refused = await product.send(request_id, "amend", expected_version=9, edits=edits, message_id="m-2")
    right = await product.send(request_id, "amend", expected_version=1, edits=edits, message_id="m-2")
    assert (refused.status_code, right.status_code) == (409, 200)
    await product.send(request_id, "cancel")


async def test_answer_lost_with_its_request_ended_is_given_again(product: Product) -> None:
    request_id = await held(product)
    first = await product.send(request_id, "cancel", message_id="m-3")
    assert (await product.ended(request_id))["phase"] == "cancelled"
    again = await product.send(request_id, "cancel", message_id="m-3")
    assert (again.status_code, again.json()) == (200, first.json())


async def test_cancel_reaches_a_running_model_call_and_messages_after_it_are_conflicts(product: Product) -> None:
    request_id = await held(product)
    began = time.monotonic()
    assert (await product.send(request_id, "cancel", reason="enough")).status_code == 200
    assert time.monotonic() - began < 2
    ended = await product.ended(request_id)
    assert time.monotonic() - began < 5
    assert (ended["phase"], ended["outcome"]["detail"]) == ("cancelled", "enough")
    for verb in ("cancel", "pause", "resume"):
        answer = await product.send(request_id, verb)
        assert (answer.status_code, answer.json()["code"]) == (409, "request_ended"), verb


async def test_pause_holds_back_steps_until_resume(product: Product) -> None:
    request_id = await held(product)
    assert (await product.send(request_id, "pause")).json()["paused"] is True
    assert (await product.get(request_id))["paused"] is True
    assert (await product.api.post(f"/v1/requests/{request_id}/resume")).json()["paused"] is False
    await product.send(request_id, "cancel")


async def test_cancelled_step_ends_alone(product: Product) -> None:
    request_id = await held(product)
    assert (await product.send(request_id, "steps/nope/cancel")).status_code == 404
    assert (await product.send(request_id, "steps/s1/cancel")).status_code == 200
    ended = await product.ended(request_id)
    assert (ended["phase"], ended["outcome"]["partial"]) == ("done", True)
    steps = await product.steps(request_id)
    assert [steps[name]["status"] for name in ("s1", "s2")] == ["cancelled", "succeeded"]


async def test_plan_waits_for_its_approval(product: Product) -> None:
    request_id = await product.submit(THREE, approval="plan")
    await product.until(request_id, "approving")
    (approval,) = (await product.get(request_id))["approvals"]
    wrong = await product.send(request_id, "approve", approval_id="nope", decision="approve")
    assert (wrong.status_code, wrong.json()["problems"][0]["code"]) == (409, "unknown_approval")
    right = await product.send(request_id, "approve", approval_id=approval["id"], decision="approve")
    assert right.status_code == 200
    assert (await product.ended(request_id))["phase"] == "done"


async def test_question_is_shown_and_its_reply_taken(product: Product) -> None:
    unclear = {"preset": "unclear", "times": 1, "match": {"model": product.model}}
    await product.provider.post("/__sim/script", json={"understand": unclear})
    request_id = await product.submit("Do the thing.")
    await product.until(request_id, "asking")
    (question,) = (await product.get(request_id))["questions"]
    assert question["text"] == "What exactly do you mean?"
    assert (await product.send(request_id, "reply", question_id=question["id"], text="a poem")).status_code == 200
    assert (await product.ended(request_id))["phase"] == "done"


async def test_refused_signal_stands_in_the_request(product: Product) -> None:
    request_id = await held(product)
    await product.handle(request_id).signal("amend", {"expected_version": 1, "edits": "none"})

    async def refusals() -> list[Any]:
        return list((await product.get(request_id))["refusals"])

    assert (await eventually(refusals))[0]["message"] == "amend"
    await product.send(request_id, "cancel")


async def test_message_while_temporal_is_down_is_a_503_within_two_seconds(
    idle: httpx.AsyncClient, idle_parts: Parts, settings: Settings
) -> None:
    request_id = (await idle.post("/v1/requests", json={"message": "hi"})).json()["id"]
    dead = await client_of(settings, "127.0.0.1:1")
    async with serving(parts_like(idle_parts, temporal=dead)) as broken:
        began = time.monotonic()
        answer = await broken.post(f"/v1/requests/{request_id}/cancel")
        assert time.monotonic() - began < 2
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        assert (await broken.get(f"/v1/requests/{request_id}")).status_code == 200
