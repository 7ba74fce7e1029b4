from typing import Any

import pytest

from domain.admission import KINDS_NOW, admit, allowed_kinds
from domain.content import Text
from domain.request import Caps
from domain.step import HUMAN_TIMEOUT_S, Step, StepKind
from tests.domain.make import CAPS, codes, step


def test_good_plan_is_admitted() -> None:
    steps = (
        step("a"),
        step("b", "a", condition="steps.a.status == 'succeeded'"),
        step("c", "b", condition="steps.a.result contains 'x'"),
        step("d", kind=StepKind.HUMAN, timeout_s=HUMAN_TIMEOUT_S),
        step("e", kind=StepKind.REQUEST),
    )
    assert admit(steps, CAPS) == ()


@pytest.mark.parametrize(
    ("steps", "code", "path"),
    [
        ((), "empty_plan", "/steps"),
        ((step("a"), step("b"), step("a")), "duplicate_id", "/steps/2/id"),
        ((step("A"),), "bad_id", "/steps/0/id"),
        ((step("a\n"),), "bad_id", "/steps/0/id"),
        ((step("ａ"),), "bad_id", "/steps/0/id"),
        ((step("a" * 41),), "bad_id", "/steps/0/id"),
        ((step("a", kind=StepKind.TOOL),), "kind_not_available", "/steps/0/kind"),
        ((step("a", kind=StepKind.RETRIEVE),), "kind_not_available", "/steps/0/kind"),
        ((step("a", timeout_s=0.5),), "timeout_out_of_range", "/steps/0/timeout_s"),
        ((step("a", timeout_s=-1),), "timeout_out_of_range", "/steps/0/timeout_s"),
        ((step("a", timeout_s=1e300),), "timeout_out_of_range", "/steps/0/timeout_s"),
        ((step("a", kind=StepKind.HUMAN, timeout_s=1e9),), "timeout_out_of_range", "/steps/0/timeout_s"),
        ((step("a", max_retries=6),), "retries_out_of_range", "/steps/0/max_retries"),
        ((step("a", prompt=""),), "prompt_empty", "/steps/0/prompt"),
        ((step("a", prompt="x" * 32_769),), "prompt_too_long", "/steps/0/prompt"),
        ((step("a", "a"),), "self_dependency", "/steps/0/depends_on/0"),
        ((step("a"), step("b", "a", "z")), "unknown_dependency", "/steps/1/depends_on/1"),
        ((step("a"), step("b", "a", condition="1 +")), "condition_invalid", "/steps/1/condition"),
        ((step("a"), step("b", condition="steps.a.status == 'x'")), "condition_not_dependency", "/steps/1/condition"),
        ((step("a", "c"), step("b", "a"), step("c", "b")), "cycle", "/steps"),
    ],
)
def test_bad_plan_is_refused_with_a_reason(steps: tuple[Step, ...], code: str, path: str) -> None:
    problems = [(problem.code, problem.path) for problem in admit(steps, CAPS)]
    assert (code, path) in problems


def test_too_many_steps_are_refused_before_they_are_looked_at() -> None:
    problems = admit(tuple(step("A") for _ in range(10_000)), CAPS)
    assert codes(problems) == ["too_many_steps"]


def test_at_most_twenty_problems_are_told() -> None:
    assert len(admit(tuple(step("A", prompt="") for _ in range(200)), CAPS)) == 20


@pytest.mark.parametrize(("depth", "fits"), [(0, True), (2, True), (3, False), (9, False)])
def test_sub_requests_nest_as_deep_as_the_caps_say(depth: int, fits: bool) -> None:
    problems = codes(admit((step("a", kind=StepKind.REQUEST),), CAPS, depth))
    assert problems == ([] if fits else ["too_deep"])
    assert (StepKind.REQUEST in allowed_kinds(depth, CAPS)) is fits
    assert set(allowed_kinds(depth, CAPS)) <= set(KINDS_NOW)


@pytest.mark.parametrize("field", [{"text": "x" * 40_000}, {"ref": "sha256:00"}])
def test_long_prompt_by_reference_counts_its_size(field: dict[str, Any]) -> None:
    long = Step(id="a", prompt=Text(size=40_000, **field))
    assert codes(admit((long,), Caps(max_prompt_bytes=39_999))) == ["prompt_too_long"]
    assert admit((long,), Caps(max_prompt_bytes=40_000)) == ()
