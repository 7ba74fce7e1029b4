from typing import Any

import pytest

from domain.admission import KINDS_NOW, PARAMETERS_LIMIT, admit, allowed_kinds
from domain.content import Text
from domain.request import Caps
from domain.step import HUMAN_TIMEOUT_S, Step, StepKind
from tests.domain.make import CAPS, call, codes, step


def nested(levels: int) -> object:
    value: object = "x"
    for _ in range(levels):
        value = [value]
    return value


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
        ((step("a", kind=StepKind.TOOL),), "action_missing", "/steps/0/mcp_action_name"),
        ((step("a", kind=StepKind.TOOL, mcp_action_name="x"),), "action_missing", "/steps/0/mcp_action_name"),
        ((call("a", pin=None),), "tool_not_bound", "/steps/0/mcp_action_name"),
        ((step("a", mcp_parameters={}),), "not_a_tool_step", "/steps/0/mcp_action_name"),
        ((call("a", kind=StepKind.GENERATE),), "not_a_tool_step", "/steps/0/mcp_action_name"),
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


@pytest.mark.parametrize(
    ("parameters", "code", "path"),
    [
        ({"x": "y" * PARAMETERS_LIMIT}, "parameters_too_large", ""),
        ({"x": float("nan")}, "parameters_invalid", ""),
        ({"x": nested(60)}, "parameters_invalid", ""),
        ({"x": nested(5000)}, "parameters_invalid", ""),
        ({"x": ["{{steps.b.result}}"]}, "reference_not_dependency", "/x/0"),
        ({"x": "{{steps.zz.result}}"}, "reference_not_dependency", "/x"),
        ({"x": "{{steps.c.result}}"}, "reference_not_dependency", "/x"),
        ({"a/b": "{{steps.a.status}}"}, "reference_invalid", "/a~1b"),
        ({"x": "{{steps}}"}, "reference_invalid", "/x"),
        ({"x": "{{a.result}}"}, "reference_invalid", "/x"),
    ],
)
def test_bad_parameters_are_refused_with_their_place(parameters: dict[str, Any], code: str, path: str) -> None:
    steps = (step("a"), step("b"), call("c", "a", mcp_parameters=parameters))
    problems = [(problem.code, problem.path) for problem in admit(steps, CAPS)]
    assert problems == [(code, f"/steps/2/mcp_parameters{path}")]


def test_parameters_may_refer_to_what_the_step_waits_for_and_hold_other_braces() -> None:
    parameters = {"x": "{{steps.a.result.k}} {{steps.b.result}} {{monospace}} {{other.a}}", "界": "界" * 5000}
    assert admit((step("a"), step("b", "a"), call("c", "b", mcp_parameters=parameters)), CAPS) == ()
    assert admit((call("a", mcp_parameters=None),), CAPS) == ()


def test_tools_are_looked_up_only_once_the_rest_is_right() -> None:
    assert admit((call("a", pin=None),), CAPS, bound=False) == ()


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
