"""Understanding and planning, with models that are right, wrong, huge and silent."""

import json
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.material import HISTORY_LIMIT, HISTORY_TURNS, background, load_cut
from domain.admission import admit
from domain.context import Project, ProjectContext
from domain.documents import Clarification, StepSummary
from domain.errors import Problem
from domain.events import Event, EventType
from domain.request import Caps
from services.storage import contexts, events
from services.storage.views.calls import CallState
from tests.activities.stage import TWO_PARTS, Stage, a_step, environment
from tests.llm.parts import OWNER


async def test_a_request_of_two_parts_is_understood_and_planned_in_one_go(stage: Stage) -> None:
    made = await environment().run(stage.planning.prepare, await stage.prepare_input())
    assert made.draft is not None
    assert len(made.draft.steps) == 2
    assert not admit(made.draft.steps, Caps())
    assert made.cost_micros > 0
    assert [call["task"] for call in await stage.sim.calls()] == ["understand", "plan"]


async def test_a_simple_request_gets_no_plan(stage: Stage) -> None:
    made = await environment().run(stage.planning.prepare, await stage.prepare_input("Hello!"))
    assert made.understanding.simple
    assert made.draft is None
    assert len(await stage.sim.calls()) == 1


async def test_an_unclear_request_is_planned_only_after_its_clarification(stage: Stage) -> None:
    unclear = {"intent": "x", "detailed_description": "x", "clear": False, "question": "What?"}
    await stage.sim.fault(match={"task": "understand"}, answer_json=unclear)
    made = await environment().run(stage.planning.prepare, await stage.prepare_input())
    assert made.draft is None
    said = Clarification(question="What?", reply="All of it.")
    made = await environment().run(stage.planning.prepare, await stage.prepare_input(clarification=said))
    assert made.draft is not None


@pytest.mark.parametrize(
    "fault",
    [
        {"answer": "no JSON at all"},
        {"answer": ""},
        {"answer": "[" * 50_000},
        {"answer": '{"intent": NaN}'},
        {"answer_json": {"language": "en"}},
        {"answer_json": {"intent": "x" * 300, "detailed_description": "d"}},
        {"refusal": True},
    ],
)
async def test_an_unusable_understanding_becomes_a_safe_one(stage: Stage, fault: dict[str, Any]) -> None:
    await stage.sim.fault(match={"task": "understand"}, **fault)
    made = await environment().run(stage.planning.prepare, await stage.prepare_input())
    assert made.understanding.intent == "unknown"
    assert made.understanding.detailed_description == TWO_PARTS
    assert (made.understanding.simple, made.understanding.clear) == (False, True)
    assert made.draft is not None


async def test_the_users_language_wins(stage: Stage) -> None:
    facts = await stage.facts(options={"language": "fr"})
    made = await environment().run(stage.planning.prepare, await stage.prepare_input(facts=facts))
    assert made.understanding.language == "fr"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"preset": "not_json"}, "draft_not_json"),
        ({"answer": ""}, "draft_not_json"),
        ({"answer_json": {"plan": []}}, "invalid"),
        ({"answer_json": {"steps": "s1"}}, "invalid"),
        ({"answer_json": {"steps": [{"prompt": 5}]}}, "invalid"),
        ({"answer_json": {"steps": ["s1"]}}, "invalid"),
        ({"preset": "unknown_kind"}, "invalid"),
        ({"preset": "ten_thousand_steps"}, "draft_too_long"),
        ({"answer_json": {"steps": [{"id": "s1", "prompt": "x"}] * 201}}, "too_many_steps"),
        ({"answer": '{"steps": [{"id": "s1", "prompt": "x", "timeout_s": NaN}]}'}, "draft_not_json"),
        ({"answer": '{"steps": [{"id": "s1", "prompt": "x", "timeout_s": 1e999}]}'}, "draft_not_json"),
        ({"answer": '{"steps": [{"id": "s1", "prompt": "x", "budget_micros": ' + "9" * 400 + "}]}"}, "invalid"),
        ({"repeat_bytes": 1_000_000}, "draft_too_long"),
        ({"refusal": True}, "draft_refused"),
    ],
)
async def test_a_draft_that_cannot_be_read_comes_back_as_problems(
    stage: Stage, fault: dict[str, Any], code: str
) -> None:
    await stage.sim.fault(match={"task": "plan"}, **fault)
    made = await environment().run(stage.planning.make_plan, await stage.plan_input())
    assert not made.draft.steps
    assert made.draft.problems[0].code == code
    assert made.cost_micros > 0


@pytest.mark.parametrize(
    ("preset", "code"),
    [
        ("cycle", "cycle"),
        ("self_dependency", "self_dependency"),
        ("absurd_timeout", "timeout_out_of_range"),
        ("duplicate_ids", "duplicate_id"),
        ("code_in_condition", "condition_invalid"),
        ("huge_prompt", "prompt_too_long"),
    ],
)
async def test_what_can_be_read_is_left_to_admission(stage: Stage, preset: str, code: str) -> None:
    await stage.sim.fault(match={"task": "plan"}, preset=preset)
    made = await environment().run(stage.planning.make_plan, await stage.plan_input())
    assert made.draft.steps
    assert code in {problem.code for problem in admit(made.draft.steps, Caps())}


async def test_long_prompts_leave_the_activity_by_reference(stage: Stage) -> None:
    long = "Tell me about turtles. " * 400
    steps = [{"id": "s1", "prompt": long}, {"id": "s2", "prompt": "short"}]
    await stage.sim.fault(match={"task": "plan"}, answer_json={"steps": steps})
    made = await environment().run(stage.planning.make_plan, await stage.plan_input())
    first, second = made.draft.steps
    assert first.prompt.text is None
    assert first.prompt.ref is not None
    assert second.prompt.text == "short"


async def test_a_replan_shows_the_planner_results_cut(stage: Stage) -> None:
    await stage.sim.fault(match={"task": "plan", "contains": "y" * 2001}, status=400)
    summary = StepSummary(id="s1", kind="generate", prompt="", status="succeeded")
    request = await stage.plan_input(
        steps=(a_step(prompt=await stage.parts.put("p" * 5000)),),
        summaries=(summary,),
        results={"s1": await stage.parts.put("y" * 100_000)},
        failure="s2 failed",
        problems=(Problem(code="cycle", path="", message="no"),),
    )
    made = await environment().run(stage.planning.make_plan, request)
    assert not made.draft.problems
    assert [call["status"] for call in await stage.sim.calls()] == [200]


async def test_context_and_conversation_are_given(stage: Stage) -> None:
    facts = await stage.facts(conversation_id="talk")
    async with stage.parts.db.transaction() as tx:
        await contexts.put(tx, OWNER, ProjectContext(projects=(Project(key="SHELL", name="Turtle shells"),)))
    await stage.sim.fault(match={"contains": "Turtle shells"}, answer_json={"intent": "seen"})
    await environment().run(stage.planning.prepare, await stage.prepare_input(facts=facts))
    async with stage.parts.db.transaction() as tx:
        await contexts.put(tx, OWNER, ProjectContext())
    assert all(call["fault"] for call in await stage.sim.calls())


async def test_a_retried_attempt_asks_nothing_that_was_answered(stage: Stage) -> None:
    request = await stage.prepare_input()
    await stage.sim.fault(times=1, match={"task": "plan"}, status=503)
    with pytest.raises(ApplicationError) as caught:
        await environment().run(stage.planning.prepare, request)
    assert caught.value.type == "ModelUnavailable"
    assert caught.value.details[0]["cost_micros"] > 0
    made = await environment(attempt=2).run(stage.planning.prepare, request)
    again = await environment(attempt=3).run(stage.planning.prepare, request)
    assert [call["task"] for call in await stage.sim.calls()] == ["understand", "plan", "plan"]
    assert again == made


async def test_both_calls_share_one_grant(stage: Stage) -> None:
    facts = await stage.facts()
    whole = await environment().run(stage.planning.prepare, await stage.prepare_input(facts=facts))
    assert whole.cost_micros > 0
    other = await stage.prepare_input(grant_micros=whole.cost_micros // 2)
    with pytest.raises(ApplicationError) as caught:
        await environment().run(stage.planning.prepare, other)
    assert caught.value.type == "BudgetExhausted"
    assert caught.value.non_retryable
    rows = await stage.parts.rows(other.facts.request_id)
    assert sum(row.cost_micros for row in rows) == caught.value.details[0]["cost_micros"] <= whole.cost_micros // 2
    assert rows[-1].state is CallState.FAILED


async def test_a_message_by_reference_is_loaded_whole(stage: Stage) -> None:
    message = "Summarise the report about turtles. " + "Consider the details. " * 200 + json.dumps({"end": "rivers"})
    await stage.sim.fault(match={"task": "understand", "contains": "rivers"}, answer="seen")
    request = await stage.prepare_input(message)
    assert request.facts.message.ref is not None
    await environment().run(stage.planning.prepare, request)
    assert (await stage.sim.calls())[0]["fault"] is not None


async def test_the_newest_turns_of_the_conversation_fit_into_their_bound(stage: Stage) -> None:
    talk = f"talk-{stage.sim.model}"
    for number in range(12):
        earlier = await stage.parts.new_request(f"turn {number} " + "x" * 2000, conversation_id=talk)
        outcome = {"phase": "done", "answer": {"text": f"answer {number}", "size": 9}}
        ended = Event(source="wf", source_seq=1, type=EventType.REQUEST_FINISHED, data={"v": 1, "outcome": outcome})
        async with stage.parts.db.transaction() as tx:
            await events.append(tx, earlier, (ended,))
    facts = await stage.facts(conversation_id=talk)
    async with stage.parts.db.transaction() as tx:
        known = await background(tx, facts)
    said = [turn.text for turn in known.history]
    assert said[-1] == "answer 11"
    assert 0 < len(said) <= HISTORY_TURNS
    assert sum(len(text.encode()) for text in said) <= HISTORY_LIMIT


async def test_many_long_texts_are_loaded_in_batches(stage: Stage) -> None:
    texts = {f"s{number}": await stage.parts.put(f"{number}" * 2_000_000) for number in range(5)}
    async with stage.parts.db.transaction() as tx:
        loaded = await load_cut(tx, texts, 100)
    assert list(loaded) == list(texts)
    assert all(len(text.encode()) <= 100 and text.endswith("[…]") for text in loaded.values())
