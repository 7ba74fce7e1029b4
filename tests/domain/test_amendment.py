from datetime import timedelta
from typing import Any

import pytest

from domain.amendment import HAND_RESULT_LIMIT, LONGEST_DEADLINE, AmendContext, Amended, amend
from domain.content import Text
from domain.errors import AmendmentRefused
from domain.step import Step, StepRun, StepStatus
from tests.domain.make import CAPS, NOW, PIN, amendment, call, codes, plan, step

PLAN = plan(step("done"), step("run", "done", budget_micros=50), step("next", "run"), step("last", "next"))
RUNS = {
    "done": StepRun(status=StepStatus.SUCCEEDED, result=Text.inline("x"), launches=1, next_round=4),
    "run": StepRun(status=StepStatus.RUNNING, launches=1, next_round=4),
    "next": StepRun(),
    "last": StepRun(),
}
NEW = {"id": "new", "prompt": "go"}


def apply(*edits: dict[str, Any], budget_micros: int | None = 100, **fields: Any) -> Amended:
    context = AmendContext(now=NOW, budget_micros=budget_micros)
    return amend(PLAN, RUNS, amendment(*edits, **fields), CAPS, context)


def ids(amended: Amended) -> list[str]:
    return [item.id for item in amended.plan.steps]


def test_add_appends_a_step() -> None:
    amended = apply({"op": "add", "step": {**NEW, "depends_on": ["done"]}}, reason="more")
    assert ids(amended) == ["done", "run", "next", "last", "new"]
    assert (amended.plan.version, amended.plan.origin, amended.plan.reason) == (2, "amendment", "more")
    assert (amended.kept, amended.cancelled, amended.rerun) == (("done", "run", "next", "last"), (), ())


@pytest.mark.parametrize(
    ("dependents", "left", "cancelled"),
    [("drop", ["done", "run"], ("next", "last")), ("detach", ["done", "run", "last"], ("next",))],
)
def test_drop_takes_dependents_along_or_detaches_them(
    dependents: str, left: list[str], cancelled: tuple[str, ...]
) -> None:
    amended = apply({"op": "drop", "step_id": "next", "dependents": dependents})
    assert (ids(amended), amended.cancelled) == (left, cancelled)
    assert all("next" not in item.depends_on for item in amended.plan.steps)


@pytest.mark.parametrize(
    ("edit", "field", "value"),
    [
        ({"op": "rewire", "depends_on": []}, "depends_on", ()),
        ({"op": "set_prompt", "prompt": "other"}, "prompt", Text.inline("other")),
        ({"op": "set_model", "model": "m2"}, "model", "m2"),
    ],
)
def test_change_of_the_work_restarts_a_running_step_and_no_other(
    edit: dict[str, Any], field: str, value: object
) -> None:
    for step_id, rerun in (("run", ("run",)), ("next", ())):
        amended = apply({**edit, "step_id": step_id})
        assert getattr(amended.plan.step(step_id), field) == value
        assert amended.rerun == rerun
        assert set(amended.kept) == {"done", "run", "next", "last"} - set(rerun)


def test_change_of_bounds_lets_a_running_step_go_on() -> None:
    amended = apply(
        {"op": "retime", "step_id": "run", "timeout_s": 30}, {"op": "raise_budget", "step_id": "run", "to_micros": 60}
    )
    changed = amended.plan.step("run")
    assert (changed.timeout_s, changed.budget_micros, amended.rerun) == (30.0, 60, ())


def test_request_wide_changes_leave_the_steps_alone() -> None:
    deadline = NOW + LONGEST_DEADLINE
    amended = apply(
        {"op": "retime", "deadline": deadline},
        {"op": "set_model", "model": "m2"},
        {"op": "raise_budget", "to_micros": 200},
        {"op": "raise_budget", "to_micros": 300},
    )
    assert (amended.deadline_at, amended.model, amended.budget_micros) == (deadline, "m2", 300)
    assert amended.plan.steps == PLAN.steps


@pytest.mark.parametrize("step_id", ["run", "next", "last"])
def test_result_by_hand_ends_a_step(step_id: str) -> None:
    amended = apply({"op": "set_result", "step_id": step_id, "result": "mine"})
    assert amended.results == {step_id: Text.inline("mine")}
    assert (amended.rerun, step_id in amended.kept) == ((), False)


def test_result_by_hand_wins_over_a_restart_and_falls_with_its_step() -> None:
    given = {"op": "set_result", "step_id": "run", "result": "mine"}
    amended = apply({"op": "set_prompt", "step_id": "run", "prompt": "other"}, given)
    assert (amended.rerun, list(amended.results)) == ((), ["run"])
    amended = apply(given, {"op": "drop", "step_id": "run"})
    assert (amended.results, amended.cancelled) == ({}, ("run", "next", "last"))


def test_added_step_may_be_changed_and_given_a_result_at_once() -> None:
    amended = apply(
        {"op": "add", "step": NEW},
        {"op": "set_prompt", "step_id": "new", "prompt": "other"},
        {"op": "set_result", "step_id": "new", "result": "mine"},
    )
    assert (amended.plan.step("new").prompt, list(amended.results)) == (Text.inline("other"), ["new"])


TOO_LONG = "x" * (HAND_RESULT_LIMIT + 1)


@pytest.mark.parametrize(
    ("edit", "code", "path"),
    [
        ({"op": "add", "step": {"id": "x"}}, "invalid", "/edits/0/step/prompt"),
        ({"op": "add", "step": {**NEW, "prompt": {"ref": "sha256:00", "size": 1}}}, "invalid", "/edits/0/step/prompt"),
        ({"op": "add", "step": {**NEW, "id": "done"}}, "duplicate_id", "/edits/0/step/id"),
        ({"op": "add", "step": {**NEW, "depends_on": ["new"]}}, "self_dependency", "/steps/4/depends_on/0"),
        ({"op": "add", "step": {**NEW, "kind": "tool"}}, "action_missing", "/steps/4/mcp_action_name"),
        ({"op": "add", "step": {**NEW, "kind": "retrieve"}}, "kind_not_available", "/steps/4/kind"),
        ({"op": "set_parameters", "step_id": "zz", "mcp_parameters": {}}, "unknown_step", "/edits/0/step_id"),
        ({"op": "set_parameters", "step_id": "done", "mcp_parameters": {}}, "step_finished", "/edits/0/step_id"),
        (
            {"op": "set_parameters", "step_id": "run", "mcp_parameters": {}},
            "not_a_tool_step",
            "/steps/1/mcp_action_name",
        ),
        ({"op": "drop", "step_id": "zz"}, "unknown_step", "/edits/0/step_id"),
        ({"op": "drop", "step_id": "done"}, "step_finished", "/edits/0/step_id"),
        ({"op": "rewire", "step_id": "zz", "depends_on": []}, "unknown_step", "/edits/0/step_id"),
        ({"op": "rewire", "step_id": "done", "depends_on": []}, "step_finished", "/edits/0/step_id"),
        ({"op": "rewire", "step_id": "run", "depends_on": ["last"]}, "cycle", "/steps"),
        ({"op": "rewire", "step_id": "run", "depends_on": ["zz"]}, "unknown_dependency", "/steps/1/depends_on/0"),
        ({"op": "retime"}, "nothing_to_change", "/edits/0"),
        ({"op": "retime", "timeout_s": 5}, "step_id_missing", "/edits/0/step_id"),
        ({"op": "retime", "step_id": "run", "timeout_s": 1e12}, "timeout_out_of_range", "/steps/1/timeout_s"),
        ({"op": "retime", "deadline": "2026-11-21T12:00:01"}, "deadline_without_zone", "/edits/0/deadline"),
        ({"op": "retime", "deadline": NOW}, "deadline_past", "/edits/0/deadline"),
        ({"op": "retime", "deadline": "0001-01-01T00:00:00+14:00"}, "deadline_past", "/edits/0/deadline"),
        ({"op": "retime", "deadline": NOW + timedelta(days=31)}, "deadline_too_far", "/edits/0/deadline"),
        ({"op": "retime", "deadline": "9999-12-31T23:59:59-14:00"}, "deadline_too_far", "/edits/0/deadline"),
        ({"op": "set_prompt", "step_id": "run", "prompt": ""}, "prompt_empty", "/steps/1/prompt"),
        ({"op": "set_prompt", "step_id": "run", "prompt": "x" * 10**6}, "prompt_too_long", "/steps/1/prompt"),
        ({"op": "set_model", "step_id": "done", "model": "m"}, "step_finished", "/edits/0/step_id"),
        ({"op": "raise_budget", "to_micros": 99}, "budget_not_raised", "/edits/0/to_micros"),
        ({"op": "raise_budget", "step_id": "run", "to_micros": 49}, "budget_not_raised", "/edits/0/to_micros"),
        ({"op": "raise_budget", "step_id": "next", "to_micros": 49}, "budget_not_raised", "/edits/0/to_micros"),
        ({"op": "raise_budget", "step_id": "done", "to_micros": 99}, "step_finished", "/edits/0/step_id"),
        ({"op": "set_result", "step_id": "zz", "result": "x"}, "unknown_step", "/edits/0/step_id"),
        ({"op": "set_result", "step_id": "done", "result": "x"}, "step_finished", "/edits/0/step_id"),
        ({"op": "set_result", "step_id": "run", "result": ""}, "result_size", "/edits/0/result"),
        ({"op": "set_result", "step_id": "run", "result": TOO_LONG}, "result_size", "/edits/0/result"),
    ],
)
def test_wrong_edit_is_refused_with_its_place(edit: dict[str, Any], code: str, path: str) -> None:
    with pytest.raises(AmendmentRefused) as caught:
        apply(edit)
    assert (code, path) in [(problem.code, problem.path) for problem in caught.value.problems]


def test_amendment_of_another_version_is_refused() -> None:
    with pytest.raises(AmendmentRefused) as caught:
        apply({"op": "set_model", "model": "m"}, version=2)
    assert codes(caught.value.problems) == ["stale_version"]


def test_budget_of_a_request_without_one_cannot_be_raised() -> None:
    with pytest.raises(AmendmentRefused):
        apply({"op": "raise_budget", "to_micros": 99}, budget_micros=None)


def test_dependents_that_ended_are_detached_never_dropped() -> None:
    ended = {**RUNS, "last": StepRun(status=StepStatus.CANCELLED)}
    with pytest.raises(AmendmentRefused) as caught:
        amend(PLAN, ended, amendment({"op": "drop", "step_id": "next"}), CAPS, AmendContext(now=NOW))
    assert codes(caught.value.problems) == ["step_finished"]


def test_one_wrong_edit_refuses_all_and_every_reason_is_told() -> None:
    good, bad = {"op": "set_model", "model": "m"}, {"op": "drop", "step_id": "done"}
    with pytest.raises(AmendmentRefused) as caught:
        apply(good, *[bad] * 99)
    assert codes(caught.value.problems) == ["step_finished"] * 20
    assert caught.value.problems[0].path == "/edits/1/step_id"


CALLS = plan(step("first"), call("write", "first"))
CALL_RUNS = {"first": StepRun(status=StepStatus.SUCCEEDED), "write": StepRun(status=StepStatus.RUNNING)}
CHANGE = {"op": "set_parameters", "step_id": "write", "mcp_parameters": {"text": "{{steps.first.result}}"}}


def amend_calls(*edits: dict[str, Any], bound: tuple[Step, ...] | None) -> Amended:
    return amend(CALLS, CALL_RUNS, amendment(*edits), CAPS, AmendContext(now=NOW, bound=bound))


def test_new_parameters_are_looked_up_before_they_count() -> None:
    draft = amend_calls(CHANGE, bound=None)
    assert (draft.plan.step("write").pin, draft.rerun) == (None, ("write",))
    other = PIN.model_copy(update={"hash": "sha256:11"})
    bound = tuple(it.model_copy(update={"pin": other}) for it in draft.plan.steps)
    amended = amend_calls(CHANGE, bound=bound)
    assert amended.plan.step("write").pin == other
    assert amended.plan.step("write").mcp_parameters == {"text": "{{steps.first.result}}"}
    assert amended.plan.step("first").pin is None


def test_a_pin_found_for_another_step_is_not_taken() -> None:
    with pytest.raises(AmendmentRefused) as caught:
        amend_calls(CHANGE, bound=CALLS.steps)
    assert codes(caught.value.problems) == ["tool_not_bound"]


def test_other_edits_leave_the_pin_and_nobody_writes_one_by_hand() -> None:
    assert amend_calls({"op": "retime", "step_id": "write", "timeout_s": 9}, bound=()).plan.step("write").pin == PIN
    by_hand = {**call("new").model_dump(mode="json"), "prompt": "p"}
    assert amend_calls({"op": "add", "step": by_hand}, bound=None).plan.step("new").pin is None
