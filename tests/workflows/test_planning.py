"""From a message to an admitted plan, and on to an answer."""

import pytest

from tests.workflows.product import Product

TWO_PARTS = "Summarise the moon. List three planets."


async def test_sentences_run_in_parallel_and_then_waits(product: Product) -> None:
    ended = await product.ask("Summarise the moon. List three planets. Then compare them.")
    assert ended["phase"] == "done"
    steps = await product.steps(ended["id"])
    assert [step["depends_on"] for step in steps.values()] == [[], [], ["s1", "s2"]]
    assert {step["status"] for step in steps.values()} == {"succeeded"}
    assert await product.tasks() == ["understand", "plan", "step", "step", "step", "synthesize"]
    assert ended["processed_input"]["intent"]


@pytest.mark.parametrize("message", ["Hello!", "What is 12*7?"])
async def test_plain_question_costs_two_model_calls(product: Product, message: str) -> None:
    ended = await product.ask(message)
    assert ended["phase"] == "done"
    assert await product.tasks() == ["understand", "step"]
    assert list(await product.steps(ended["id"])) == ["answer"]


async def test_answer_keeps_the_language(product: Product) -> None:
    ended = await product.ask("Fasse den Mond zusammen. Nenne drei Planeten.")
    assert ended["language"] == "de"
    assert ended["phase"] == "done"


async def test_language_option_wins(product: Product) -> None:
    ended = await product.ask(TWO_PARTS, language="fr")
    assert ended["language"] == "fr"


async def test_next_turn_of_a_conversation_knows_the_last(product: Product) -> None:
    conversation = f"conv-{product.model}"
    first = await product.ended(await product.submit("What is 2+3?", conversation_id=conversation))
    await product.fault({"answer": "I remember."}, task="step", contains=first["answer"])
    second = await product.ended(await product.submit("What is 4+4?", conversation_id=conversation))
    assert second["answer"] == "I remember."


@pytest.mark.parametrize(
    ("preset", "code"),
    [
        ("not_json", "draft_not_json"),
        ("cycle", "cycle"),
        ("unknown_kind", "invalid"),
        ("ten_thousand_steps", "draft_too_long"),
        ("self_dependency", "self_dependency"),
        ("absurd_timeout", "timeout_out_of_range"),
        ("duplicate_ids", "duplicate_id"),
        ("empty_plan", "empty_plan"),
        ("code_in_condition", "condition_invalid"),
        ("huge_prompt", "prompt_too_long"),
    ],
)
async def test_bad_draft_is_repaired_once_told_why(product: Product, preset: str, code: str) -> None:
    await product.fault({"preset": preset}, task="plan", times=1)
    ended = await product.ask(TWO_PARTS)
    assert ended["phase"] == "done"
    assert (await product.tasks()).count("plan") == 2
    refused = [event for event in await product.events(ended["id"]) if event["event"] == "plan.refused"]
    assert len(refused) == 1
    assert code in refused[0]["data"]


@pytest.mark.parametrize("preset", ["cycle", "not_json"])
async def test_planner_that_never_learns_ends_after_three_calls(product: Product, preset: str) -> None:
    await product.fault({"preset": preset}, task="plan")
    ended = await product.ask(TWO_PARTS)
    assert ended["phase"] == "failed"
    assert ended["outcome"]["reason"] == "plan_refused"
    assert (await product.tasks()).count("plan") == 3


async def test_kinds_of_later_issues_are_refused_with_a_reason(product: Product) -> None:
    plan = {"steps": [{"id": "s1", "kind": "retrieve", "prompt": "look it up"}]}
    await product.fault({"answer_json": plan}, task="plan")
    ended = await product.ask(TWO_PARTS)
    assert ended["outcome"]["reason"] == "plan_refused"
    assert "no knowledge bases" in ended["outcome"]["detail"]


@pytest.mark.parametrize("preset", ["not_json", "missing_fields"])
async def test_unreadable_understanding_does_not_stop_the_request(product: Product, preset: str) -> None:
    await product.fault({"preset": preset}, task="understand", times=1)
    assert (await product.ask(TWO_PARTS))["phase"] == "done"


async def test_dead_credential_fails_the_request_with_its_code(product: Product) -> None:
    await product.fault({"status": 401})
    ended = await product.ask(TWO_PARTS)
    assert ended["phase"] == "failed"
    assert ended["outcome"]["reason"] == "model_credential_dead"
    assert await product.tasks() == ["understand"]


async def test_throttled_call_is_asked_again_after_the_advice(product: Product) -> None:
    await product.fault({"status": 429, "headers": {"retry-after": "1"}}, task="plan", times=1)
    assert (await product.ask(TWO_PARTS))["phase"] == "done"
    assert (await product.tasks()).count("plan") == 2
