from typing import Any

import pytest
from pydantic import ValidationError

from domain.content import Text
from domain.drafts import problems_of, read_step, read_steps
from domain.edits import Amendment
from domain.step import DEFAULT_TIMEOUT_S, HUMAN_TIMEOUT_S, Step, StepKind
from tests.domain.make import codes

GOOD: dict[str, Any] = {"id": "a", "prompt": "write"}


def test_absent_and_null_and_unknown_fields_take_defaults() -> None:
    expected = Step(id="a", prompt=Text.inline("write"))
    assert read_step(GOOD, "/steps/0") == expected
    assert read_step({**GOOD, "model": None, "colour": "red"}, "/steps/0") == expected


@pytest.mark.parametrize(("kind", "timeout_s"), [("generate", DEFAULT_TIMEOUT_S), ("human", HUMAN_TIMEOUT_S)])
def test_time_out_defaults_by_kind(kind: str, timeout_s: float) -> None:
    step = read_step({**GOOD, "kind": kind}, "/steps/0")
    assert isinstance(step, Step)
    assert (step.kind, step.timeout_s) == (StepKind(kind), timeout_s)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", 7),
        ("id", "\ud800"),
        ("prompt", None),
        ("prompt", ["write"]),
        ("prompt", {"ref": "sha256:00", "size": 3}),
        ("prompt", {"text": "x", "size": 0}),
        ("prompt", "\ud800"),
        ("kind", "shell"),
        ("kind", ["human"]),
        ("depends_on", "a"),
        ("depends_on", [1]),
        ("depends_on", ["\ud800"]),
        ("condition", True),
        ("max_retries", -1),
        ("max_retries", 10**4000),
        ("max_retries", float("nan")),
        ("timeout_s", float("nan")),
        ("timeout_s", "inf"),
        ("timeout_s", 10**400),
        ("model", ""),
        ("model", "m" * 201),
        ("budget_micros", -1),
        ("budget_micros", 10**15 + 1),
        ("default", "d" * 32_769),
        ("evaluate", "always"),
        ("expects", {"format": "xml"}),
        ("expects", {"\ud800": 1}),
        ("expects", {"x" * 5000: 1}),
    ],
)
def test_wrong_field_is_a_problem_at_its_path(field: str, value: object) -> None:
    problems = read_step({**GOOD, field: value}, "/steps/3")
    assert not isinstance(problems, Step)
    assert codes(problems)[0] == "invalid"
    assert all(problem.path.startswith(f"/steps/3/{field}") for problem in problems)
    assert all(len(problem.path) <= 1000 for problem in problems)


def test_prompts_problem_does_not_hide_others() -> None:
    problems = read_step({"id": 7, "prompt": 7}, "/steps/0")
    assert not isinstance(problems, Step)
    assert [problem.path for problem in problems] == ["/steps/0/prompt", "/steps/0/id"]


def test_draft_is_read_whole_or_not_at_all() -> None:
    steps, problems = read_steps((GOOD, {**GOOD, "id": "b"}), 5)
    assert [step.id for step in steps] == ["a", "b"]
    assert problems == ()
    steps, problems = read_steps((GOOD, {}), 5)
    assert steps == ()
    assert codes(problems) == ["invalid", "invalid"]


def test_ten_thousand_steps_are_refused_unread() -> None:
    steps, problems = read_steps(tuple({} for _ in range(10_000)), 200)
    assert (steps, codes(problems)) == ((), ["too_many_steps"])


def test_at_most_twenty_problems_are_told() -> None:
    assert len(read_steps(tuple({} for _ in range(100)), 200)[1]) == 20


def test_offending_values_are_left_out_of_problems() -> None:
    with pytest.raises(ValidationError) as caught:
        Amendment.model_validate({"expected_version": "s3cret", "edits": [{"op": "s3cret"}]})
    text = str([problem.model_dump() for problem in problems_of(caught.value, "")])
    assert "/expected_version" in text
    assert "s3cret" not in text


@pytest.mark.parametrize(
    "edit",
    [{"op": "\ud800"}, {"op": "drop", "step_id": "a", "\ud800": 1}, {"op": "drop", "step_id": "\ud800"}, {"\ud800": 1}],
)
def test_problem_about_what_is_not_unicode_is_itself_unicode(edit: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        Amendment.model_validate({"expected_version": 1, "edits": [edit]})
    for problem in problems_of(caught.value, ""):
        assert problem.model_dump_json()
