"""Evaluating, answering and recording."""

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from contracts.calls import CheckConditionInput, EvaluateInput, RecordInput, RequestFacts, StepEnd, SynthesizeInput
from domain.content import Text
from domain.events import Event, EventType
from domain.request import ParentStep
from domain.step import StepStatus
from tests.activities.stage import Stage, a_step, environment, when_free
from tests.llm.parts import OWNER, event, of_type


async def evaluate_input(stage: Stage, result: str = "Turtles are slow.", **changes: Any) -> EvaluateInput:
    return EvaluateInput(facts=await stage.facts(), step=a_step(), result=await stage.parts.put(result), **changes)


def ends(*texts: str | None) -> tuple[StepEnd, ...]:
    return tuple(
        StepEnd(
            id=f"s{number}",
            prompt=Text.inline(f"Do part {number}"),
            status=StepStatus.SUCCEEDED if text else StepStatus.FAILED,
            text=Text.inline(text) if text else None,
            note=None if text else "the model is gone",
        )
        for number, text in enumerate(texts, 1)
    )


async def test_a_model_gives_a_verdict(stage: Stage) -> None:
    done = await environment().run(stage.evaluating.evaluate_step, await evaluate_input(stage))
    assert done.evaluation.by == "model"
    assert done.cost_micros > 0
    (call,) = await stage.sim.calls()
    assert "/s1@evaluate/1/1" in call["idempotency_key"]


@pytest.mark.parametrize(
    "fault",
    [
        {"preset": "not_json"},
        {"answer_json": {"success": "perhaps"}},
        {"answer_json": []},
        {"refusal": True},
        {"status": 400},
    ],
)
async def test_without_a_usable_verdict_the_result_is_accepted(stage: Stage, fault: dict[str, Any]) -> None:
    await stage.sim.fault(match={"task": "evaluate"}, **fault)
    done = await environment().run(stage.evaluating.evaluate_step, await evaluate_input(stage))
    assert done.evaluation.success
    assert done.evaluation.reason.startswith("no verdict")


async def test_a_contradicting_verdict_is_a_success(stage: Stage) -> None:
    await stage.sim.fault(match={"task": "evaluate"}, preset="contradiction")
    done = await environment().run(stage.evaluating.evaluate_step, await evaluate_input(stage))
    assert done.evaluation.success


async def test_a_throttled_evaluator_is_waited_for(stage: Stage) -> None:
    await stage.sim.fault(times=1, status=429)
    request = await evaluate_input(stage)
    with pytest.raises(ApplicationError) as caught:
        await environment().run(stage.evaluating.evaluate_step, request)
    assert caught.value.type == "ModelThrottled"
    judged = await when_free(lambda: environment(attempt=2).run(stage.evaluating.evaluate_step, request))
    assert judged.evaluation.by == "model"


async def test_a_huge_result_is_judged_by_its_beginning(stage: Stage) -> None:
    request = await evaluate_input(stage, "turtles " * 250_000)
    assert (await environment().run(stage.evaluating.evaluate_step, request)).evaluation.by == "model"


async def test_the_answer_is_written_and_streamed(stage: Stage) -> None:
    facts = await stage.facts()
    request = SynthesizeInput(facts=facts, language="en", ends=ends("Turtles are slow.", None))
    done = await environment().run(stage.answering.synthesize, request)
    assert done.by == "model"
    assert "Turtles are slow" in str(done.answer.text)
    await stage.parts.writer.settle(f"{facts.request_id}/@synthesize/1/1")
    deltas = of_type(await stage.parts.log(facts.request_id), "text.delta")
    assert "".join(data["text"] for data in deltas) == done.answer.text
    assert {data.get("step_id") for data in deltas} == {None}


@pytest.mark.parametrize(
    ("fault", "attempt"),
    [({"status": 401}, 1), ({"empty": True}, 1), ({"refusal": True}, 1), ({"status": 503}, 12)],
)
async def test_without_a_model_the_answer_is_written_by_rule(stage: Stage, fault: dict[str, Any], attempt: int) -> None:
    await stage.sim.fault(**fault)
    request = SynthesizeInput(facts=await stage.facts(), language="en", ends=ends("Turtles are slow.", None))
    done = await environment(attempt=attempt).run(stage.answering.synthesize, request)
    assert done.by == "rule"
    assert "Turtles are slow." in str(done.answer.text)
    assert "the model is gone" in str(done.answer.text)


async def test_an_answer_by_rule_stays_within_bounds(stage: Stage) -> None:
    await stage.sim.fault(status=401)
    huge = await stage.parts.put("x" * 2_000_000)
    parts = tuple(end.model_copy(update={"text": huge}) for end in ends("a", "b", "c"))
    request = SynthesizeInput(facts=await stage.facts(), language="en", ends=parts)
    done = await environment().run(stage.answering.synthesize, request)
    assert done.answer.size < 2_000_000
    assert done.answer.ref is not None


async def test_a_cancelled_synthesis_says_what_it_cost(stage: Stage) -> None:
    await stage.sim.fault(hang_after=2)
    request = SynthesizeInput(facts=await stage.facts(), language="en", ends=ends("Turtles are slow.", "b"))
    env = environment()
    running = asyncio.ensure_future(env.run(stage.answering.synthesize, request))
    async with asyncio.timeout(5):
        while not await stage.sim.calls():
            await asyncio.sleep(0.02)
    env.cancel()
    async with asyncio.timeout(2):
        done = await running
    assert done.by == "rule"
    assert done.cost_micros > 0


async def test_events_are_recorded_once(stage: Stage) -> None:
    facts = await stage.facts()
    request = RecordInput(facts=facts, events=(event(1, step_id="s1", round=1),))
    await environment().run(stage.recording.record, request)
    await environment().run(stage.recording.record, request)
    assert len(of_type(await stage.parts.log(facts.request_id), "step.started")) == 1


async def test_a_sub_requests_row_is_made_from_its_first_event(stage: Stage) -> None:
    parent = await stage.facts()
    child = parent.model_copy(
        update={
            "request_id": parent.request_id[:-4] + "beef",
            "parent": ParentStep(request_id=parent.request_id, step_id="s1", launch=1),
            "depth": 1,
        }
    )
    first = Event(
        source="wf", source_seq=1, type=EventType.REQUEST_ACCEPTED, data={"v": 1, "owner": OWNER, **_accepted(child)}
    )
    made = await environment().run(stage.planning.prepare, await stage.prepare_input(facts=child, events=(first,)))
    assert made.draft is not None
    assert of_type(await stage.parts.log(child.request_id), "request.accepted")


def _accepted(facts: RequestFacts) -> dict[str, Any]:
    return facts.model_dump(mode="json", include={"message", "options", "parent", "depth"})


async def test_recording_for_an_unknown_request_is_not_found(stage: Stage) -> None:
    facts = RequestFacts(request_id="req_" + "0" * 32, owner=OWNER, message=Text.inline("x"))
    request = RecordInput(facts=facts, events=(event(1, step_id="s1", round=1),))
    with pytest.raises(ApplicationError) as caught:
        await environment().run(stage.recording.record, request)
    assert (caught.value.type, caught.value.non_retryable) == ("NotFound", True)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('steps.s1.result contains "needle"', True),
        ('steps.s1.result contains "absent"', False),
        ('steps.s2.status == "failed"', True),
        ("steps.s3.result == null", True),
        ("__import__('os')", False),
        ("steps.s1.result ==", False),
        ("(" * 499, False),
        ("x" * 501, False),
    ],
)
async def test_a_condition_is_evaluated_on_stored_results(stage: Stage, condition: str, *, holds: bool) -> None:
    request = CheckConditionInput(
        condition=condition,
        statuses={"s1": StepStatus.SUCCEEDED, "s2": StepStatus.FAILED},
        results={"s1": await stage.parts.put("hay " * 1000 + "needle")},
    )
    assert await environment().run(stage.recording.check_condition, request) is holds


async def test_a_condition_on_a_lost_text_is_false(stage: Stage) -> None:
    request = CheckConditionInput(
        condition='steps.s1.status == "succeeded"',
        statuses={"s1": StepStatus.SUCCEEDED},
        results={"s1": Text(ref="sha256:" + "0" * 64, size=5000)},
    )
    assert await environment().run(stage.recording.check_condition, request) is False
