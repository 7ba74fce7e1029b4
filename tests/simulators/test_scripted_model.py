"""The scripted model: wrong on demand, by presets, then right again."""

import json

import pytest

from domain.admission import admit
from domain.documents import PlannedSteps, Understanding, Verdict
from domain.drafts import read_steps
from domain.evaluation import Answer, by_rule
from domain.request import Caps
from simulators.model_provider.json_value import Json
from simulators.model_provider.settings import Profile, Settings
from tests.simulators.served import Provider, Serve

UNDERSTAND = json.dumps({"task": "understand", "message": "Write about owls"})
EVALUATE = json.dumps({"task": "evaluate", "step_id": "s1", "prompt": "Write about owls", "result": "owls"})


def plan_document(message: str = "Write about owls. Then compare.", **fields: Json) -> str:
    document = {
        "task": "plan",
        "message": message,
        "understanding": {"intent": "x", "detailed_description": message},
        "kinds": ["generate"],
        "max_steps": 200,
    }
    return json.dumps(document | fields)


def step_document(step_id: str = "s1", prompt: str = "Write about owls", **fields: Json) -> str:
    return json.dumps({"task": "step", "step_id": step_id, "prompt": prompt, "language": "en"} | fields)


def problem_codes(text: str) -> set[str]:
    draft = PlannedSteps.model_validate_json(text)
    steps, problems = read_steps(draft.steps, max_steps=200)
    return {problem.code for problem in problems or admit(steps, Caps())}


@pytest.mark.parametrize(
    ("preset", "code"),
    [
        ("cycle", "cycle"),
        ("unknown_kind", "invalid"),
        ("ten_thousand_steps", "too_many_steps"),
        ("self_dependency", "self_dependency"),
        ("absurd_timeout", "timeout_out_of_range"),
        ("duplicate_ids", "duplicate_id"),
        ("empty_plan", "empty_plan"),
        ("code_in_condition", "condition_invalid"),
        ("huge_prompt", "prompt_too_long"),
    ],
)
def test_a_wrong_plan_is_wrong_in_the_way_it_says(provider: Provider, preset: str, code: str) -> None:
    provider.script(plan=preset)
    assert code in problem_codes(provider.text(plan_document()))


def test_a_queue_is_used_up_in_order(provider: Provider) -> None:
    provider.script(plan=["not_json", "cycle"])
    texts = [provider.text(plan_document()) for _ in range(3)]
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(texts[0])
    assert problem_codes(texts[1]) == {"cycle"}
    assert problem_codes(texts[2]) == set()


def test_a_rule_applies_so_often_where_it_matches(provider: Provider) -> None:
    provider.script(step={"preset": "empty", "times": 1, "match": {"step_id": "s2"}})
    assert provider.text(step_document("s1"))
    assert provider.text(step_document("s2")) == ""
    assert provider.text(step_document("s2"))


@pytest.mark.parametrize(
    ("preset", "success", "needs_adjustment"),
    [("contradiction", True, True), ("always_fail", False, False), ("needs_adjustment", False, True)],
)
def test_verdicts(provider: Provider, preset: str, success: bool, needs_adjustment: bool) -> None:
    provider.script(evaluate=preset)
    for _ in range(2):
        verdict = Verdict.model_validate_json(provider.text(EVALUATE))
        assert (verdict.success, verdict.needs_adjustment) == (success, needs_adjustment)


def test_an_evaluator_that_fails_once_does_so_for_each_step(provider: Provider) -> None:
    provider.script(evaluate="fail_once")
    other = EVALUATE.replace("s1", "s2")
    verdicts = [json.loads(provider.text(content))["success"] for content in (EVALUATE, other, EVALUATE, other)]
    assert verdicts == [False, False, True, True]


def test_steps_refuse_fail_and_swell(provider: Provider) -> None:
    provider.script(step=["refuse", "empty", "two_mib"])
    refused = provider.ask(step_document()).json()["choices"][0]["message"]
    assert (refused["content"], bool(refused["refusal"])) == (None, True)
    assert provider.text(step_document()) == ""
    assert len(provider.text(step_document(), max_tokens=100)) == 2 * 1024 * 1024 + 1
    provider.script(step={"preset": "fail_n", "times": 2})
    texts = [provider.text(step_document()) for _ in range(3)]
    assert [by_rule(Answer(text=text), None).success for text in texts] == [False, False, True]


def test_understanding_goes_wrong(provider: Provider) -> None:
    provider.script(understand=["unclear", "not_json", "missing_fields"])
    assert not Understanding.model_validate_json(provider.text(UNDERSTAND)).clear
    for _ in range(2):
        with pytest.raises(ValueError, match="validation error"):
            Understanding.model_validate_json(provider.text(UNDERSTAND))
    assert Understanding.model_validate_json(provider.text(UNDERSTAND)).clear


@pytest.mark.parametrize("script", [{"plan": "unheard-of"}, {"dance": "cycle"}, {"plan": 3}, []])
def test_a_wrong_script_is_refused(provider: Provider, script: Json) -> None:
    assert provider.http.post("/__sim/script", json=script).status_code == 400


def test_the_scripted_profile_is_wrong_at_first_and_right_when_told(serve_with: Serve) -> None:
    provider = serve_with(Settings(profile=Profile.SCRIPTED))
    problem = {"code": "cycle", "path": "/steps", "message": "no"}
    for number in range(8):
        message = f"Write about owl {number}. Then compare."
        assert broken(provider.text(plan_document(message)))
        assert problem_codes(provider.text(plan_document(message, problems=[problem]))) == set()
    first = [provider.ask(step_document(prompt=f"Write about owl {n}")).json()["choices"][0] for n in range(16)]
    assert {choice["message"]["content"] for choice in first} >= {None, ""}
    assert all(provider.text(step_document(prompt=f"Write about owl {n}", feedback="empty")) for n in range(16))
    assert all(provider.text(step_document("s1_r1", prompt=f"Write about owl {n}")) for n in range(16))
    assert Verdict.model_validate_json(provider.text(EVALUATE)).needs_adjustment
    assert provider.text("What is 12*7?") == "12*7 = 84"


def broken(text: str) -> bool:
    try:
        return bool(problem_codes(text))
    except ValueError:
        return True
