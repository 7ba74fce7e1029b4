"""The understand and plan tasks, and planning again."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.admission import admit
from domain.documents import Clarification, PlanDocument, StepSummary, Turn, UnderstandDocument, Understanding
from domain.drafts import read_steps
from domain.errors import Problem
from domain.request import Caps
from simulators.model_provider.json_value import Json
from simulators.model_provider.rules.plan import plan
from simulators.model_provider.rules.understand import understand

KINDS = ("generate", "human", "request")
CONTEXT = {
    "projects": [{"key": "ATL", "name": "Atlas", "members": ["Ada Lovelace", 7], "channels": ["#atl"]}],
    "tools": ["jira"],
}


def read(message: str, **fields: Json) -> Understanding:
    return Understanding.model_validate(understand(UnderstandDocument(message=message, **fields)))


def document(message: str, **fields: Json) -> PlanDocument:
    understanding = Understanding.model_validate(understand(UnderstandDocument(message=message)))
    defaults: dict[str, Any] = {"kinds": KINDS, "max_steps": 200, "understanding": understanding}
    return PlanDocument(message=message, **(defaults | fields))


def planned(message: str, **fields: Json) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = plan(document(message, **fields))["steps"]
    return steps


@pytest.mark.parametrize(
    ("message", "simple"),
    [
        ("Hello!", True),
        ("Xin chào", True),
        ("What is the capital of France?", True),
        ("Write a haiku about rain.", True),
        ("写一首关于雨的诗", True),
        ("Write a haiku. Count owls.", False),
        ("Write a haiku, then translate it", False),
        ("- one\n- two", False),
        ("Ask me for a city", False),
        ("Write a haiku [timeout_s=5]", False),
    ],
)
def test_simple_is_what_one_call_answers(message: str, simple: bool) -> None:
    assert read(message).simple is simple


@pytest.mark.parametrize(
    ("message", "language"),
    [
        ("do it", "en"),
        ("Fix this!", "en"),
        ("help me please", "en"),
        ("?", "en"),
        ("", "en"),
        ("Mach das bitte", "de"),
        ("Fais ça s'il te plaît", "fr"),
        ("hazlo por favor", "es"),
        ("làm giúp tôi với", "vi"),
        ("帮我弄一下", "zh"),
        ("これを直してください", "ja"),
    ],
)
def test_a_vague_message_is_asked_about_in_its_language(message: str, language: str) -> None:
    understanding = read(message)
    assert (understanding.clear, understanding.simple, understanding.language) == (False, False, language)
    assert understanding.question
    assert understanding.assumption
    assert read(message, clarification=Clarification(question="What?", reply=None)).clear
    assert read(message, history=(Turn(role="user", text="x"),)).clear


def test_a_reply_says_what_to_do() -> None:
    reply = Clarification(question="What?", reply="Write a haiku. Count owls.")
    understanding = read("do it", clarification=reply)
    assert (understanding.clear, understanding.simple) == (True, False)
    steps = planned("do it", understanding=understanding)
    assert [step["prompt"] for step in steps] == ["Write a haiku", "Count owls"]


def test_the_documents_language_wins() -> None:
    assert read("do it", language="ja").language == "ja"


def test_entities_are_found() -> None:
    message = (
        'Write "Good news" to ada@example.com about ATL-12 on 2026-11-21, 3 copies, '
        "see https://example.com/x, for Grace Hopper"
    )
    found = {(entity.type, entity.value) for entity in read(message).entities}
    assert found == {
        ("quotation", "Good news"),
        ("email", "ada@example.com"),
        ("issue", "ATL-12"),
        ("date", "2026-11-21"),
        ("number", "3"),
        ("url", "https://example.com/x"),
        ("name", "Grace Hopper"),
    }


def test_the_projects_context_is_recognised() -> None:
    found = {
        (entity.type, entity.value)
        for entity in read("Tell ada lovelace in #atl of Atlas and jira", context=CONTEXT).entities
    }
    assert found >= {("member", "Ada Lovelace"), ("channel", "#atl"), ("project", "Atlas"), ("tool", "jira")}
    assert read("Tell nobody", context=CONTEXT).entities == ()


def test_agents_follow_the_work() -> None:
    assert read("Write A. Translate B. Ask me for C.").required_agents == ("writer", "translator", "human")


def test_a_plan_has_a_step_a_part() -> None:
    steps = planned("Write about owls and count cats. Then combine all of them.")
    assert [(step["id"], step["kind"], step["depends_on"]) for step in steps] == [
        ("s1", "generate", []),
        ("s2", "generate", []),
        ("s3", "generate", ["s1", "s2"]),
    ]


def test_kinds_are_used_when_they_may_be() -> None:
    message = "Ask me for a city.\nSub-request: Write about owls"
    assert [step["kind"] for step in planned(message)] == ["human", "request"]
    assert [step["kind"] for step in planned(message, kinds=("generate",))] == ["generate", "generate"]


def test_steps_say_how_they_are_judged() -> None:
    rule, model, form = planned("Count owls. Write a convincing letter. List cats as JSON.")
    assert (rule["evaluate"], model["evaluate"], form["expects"]) == ("rule", "model", {"format": "json"})


def test_the_user_may_set_a_steps_fields() -> None:
    (first, second) = planned(
        "Write about owls [timeout_s=5; max_retries=0; model=small; expects=json; id=x; nonsense=1]\n"
        "Then count cats [condition=steps.s1.status == 'succeeded'; timeout_s=soon]"
    )
    assert (first["id"], first["timeout_s"], first["max_retries"], first["model"]) == ("s1", 5, 0, "small")
    assert (first["expects"], "nonsense" in first) == ({"format": "json"}, False)
    assert (second["condition"], second["timeout_s"]) == ("steps.s1.status == 'succeeded'", "soon")


def test_a_repair_drops_what_the_user_set_and_keeps_within_bounds() -> None:
    problem = Problem(code="timeout_out_of_range", path="/steps/0", message="no")
    steps = planned("Write A [timeout_s=-5]. Count B. List C", problems=(problem,), max_steps=2)
    assert len(steps) == 2
    assert "timeout_s" not in steps[0]


def summary(step_id: str, status: str, prompt: str, **fields: Json) -> StepSummary:
    return StepSummary(id=step_id, kind="generate", prompt=prompt, status=status, **fields)


MESSAGE = "Write about owls. Count cats. Then combine all. Name D [condition=steps.s2.status == 'failed']"
FAILED = (
    summary("s1", "succeeded", "Write about owls", result="owls"),
    summary("s2", "failed", "Count cats", note="too many"),
    summary("s3", "skipped", "Combine all", note="s2 failed"),
    summary("s4", "pending", "Name D"),
)


def test_a_failed_step_is_tried_another_way_and_what_waited_comes_again() -> None:
    steps = {step["id"]: step for step in planned(MESSAGE, steps=FAILED, failure="s2: too many")}
    assert list(steps) == ["s2_r1", "s3_r1", "s4_r1"]
    assert steps["s2_r1"]["prompt"] == "Try another way: Count cats (before, it failed: too many)"
    assert (steps["s3_r1"]["depends_on"], steps["s3_r1"]["prompt"]) == (["s1", "s2_r1"], "Combine all")
    assert steps["s4_r1"]["condition"] == "steps.s2_r1.status == 'failed'"


def test_a_second_failure_makes_a_third_generation() -> None:
    again = (*FAILED[:2], summary("s2_r1", "failed", "Try another way: …"), summary("s3_r1", "running", "Combine all"))
    (step,) = planned(MESSAGE, steps=again, failure="still too many")
    assert step["id"] == "s2_r2"
    assert step["prompt"] == "Try another way: Count cats (before, it failed: still too many)"


def test_cancelled_steps_and_those_skipped_for_their_own_reasons_stay_so() -> None:
    steps = (summary("s1", "failed", "A"), summary("s2", "skipped", "B"), summary("s3", "cancelled", "C"))
    assert [step["id"] for step in planned("Write A. Count B. List C", steps=steps)] == ["s1_r1"]


def test_steps_the_message_does_not_know_come_again_too() -> None:
    (step,) = planned("Write A", steps=(summary("extra", "failed", "Do X"), summary("s1", "succeeded", "Write A")))
    assert (step["id"], step["kind"], step["depends_on"]) == ("extra_r1", "generate", [])


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_message_gives_a_plan_that_is_admitted(message: str) -> None:
    wanted = PlanDocument(
        message=message,
        understanding=Understanding.model_validate(understand(UnderstandDocument(message=message))),
        kinds=KINDS,
        max_steps=20,
    )
    steps, problems = read_steps(tuple(plan(wanted)["steps"]), max_steps=20)
    assert problems == ()
    assert admit(steps, Caps(max_steps=20)) == ()
