import pytest

from domain.amending import take_amendment
from domain.errors import AmendmentRefused
from domain.events import EventType
from domain.outcomes import settle, stop
from domain.request import Phase
from domain.run_state import RunState, Stop
from domain.scheduling import BUDGET_NOTE, next_moves
from domain.step import StepStatus
from tests.domain.make import CAPS, NOW, amendment, codes, failed, launched, launches, running, step, succeeded


def test_plan_moves_to_the_next_version_and_says_what_changed() -> None:
    state = running(step("a"), step("b", "a"))
    edits = amendment(
        {"op": "drop", "step_id": "b"}, {"op": "add", "step": {"id": "c", "prompt": "p"}}, message_id="m1"
    )
    take_amendment(state, edits, CAPS, NOW)
    assert state.plan is not None
    assert (state.plan.version, list(state.runs)) == (2, ["a", "c"])
    dropped, amended = state.take_outbox()
    assert (dropped.type, dropped.data["status"]) == (EventType.STEP_FINISHED, "cancelled")
    assert (amended.type, amended.data["message_id"]) == (EventType.PLAN_AMENDED, "m1")
    assert (amended.data["kept"], amended.data["cancelled"]) == (["a"], ["b"])


def test_refused_amendment_changes_nothing() -> None:
    state = running(step("a"))
    with pytest.raises(AmendmentRefused):
        take_amendment(state, amendment({"op": "drop", "step_id": "a"}), CAPS, NOW)
    assert state == running(step("a"))


def test_changed_step_starts_again_with_a_new_launch() -> None:
    state = running(step("a"))
    launches(state)
    take_amendment(state, amendment({"op": "set_prompt", "step_id": "a", "prompt": "new"}), CAPS, NOW)
    (again,) = launches(state)
    assert (again.launch, again.first_round, again.step.prompt.text) == (2, 4, "new")


def test_dropped_step_that_comes_again_repeats_no_launch_and_no_round() -> None:
    state = running(step("a"), step("b"))
    launches(state)
    take_amendment(state, amendment({"op": "drop", "step_id": "a"}), CAPS, NOW)
    take_amendment(state, amendment({"op": "add", "step": {"id": "a", "prompt": "p"}}, version=2), CAPS, NOW)
    (again,) = launches(state)
    assert (again.step.id, again.launch, again.first_round) == ("a", 2, 4)
    settle(state, "a", 1, succeeded("old", cost=1), CAPS)
    assert state.runs["a"].status is StepStatus.RUNNING


def test_result_by_hand_is_final_and_wakes_the_steps_that_lacked_it() -> None:
    state = running(step("a"), step("b", "a"), step("c", "b"), step("d", condition="false"))
    launches(state)
    settle(state, "a", 1, failed(adjust=False), CAPS)
    assert next_moves(state, CAPS).finished
    take_amendment(state, amendment({"op": "set_result", "step_id": "a", "result": "mine"}), CAPS, NOW)
    assert state.runs["a"].note == "given by hand"
    assert launched(state) == ["b"]
    assert state.runs["d"].status is StepStatus.SKIPPED
    assert state.take_outbox()[-1].data["result"] == {"text": "mine", "size": 4}


def test_result_by_hand_answers_a_due_replan() -> None:
    state = running(step("a"), step("b", "a"), step("c"))
    launches(state)
    settle(state, "a", 1, failed(adjust=True), CAPS)
    take_amendment(state, amendment({"op": "set_result", "step_id": "c", "result": "other"}), CAPS, NOW)
    assert launched(state) == []
    take_amendment(state, amendment({"op": "set_result", "step_id": "a", "result": "mine"}, version=2), CAPS, NOW)
    assert (state.due_replan, launched(state)) == (None, ["b"])


def test_raised_budget_wakes_the_steps_that_lacked_it() -> None:
    state = running(step("a"), step("b", "a"), budget_micros=0)
    assert next_moves(state, CAPS).finished
    assert state.runs["a"].note == BUDGET_NOTE
    take_amendment(state, amendment({"op": "set_model", "model": "m"}), CAPS, NOW)
    assert next_moves(state, CAPS).finished
    take_amendment(state, amendment({"op": "raise_budget", "to_micros": 900}, version=2), CAPS, NOW)
    assert (launched(state), state.budget_micros) == (["a"], 900)


def test_conditions_checked_before_are_checked_again() -> None:
    state = running(step("a"))
    state.checked["a"] = True
    take_amendment(state, amendment({"op": "set_model", "model": "m2"}), CAPS, NOW)
    assert (state.checked, state.model) == ({}, "m2")


def test_deadline_is_taken_over() -> None:
    state = running(step("a"))
    take_amendment(state, amendment({"op": "retime", "deadline": "2026-11-22T00:00:00Z"}), CAPS, NOW)
    assert state.deadline_at is not None
    assert state.deadline_at.isoformat() == "2026-11-22T00:00:00+00:00"


def stopped() -> RunState:
    state = running(step("a"))
    stop(state, Stop(phase=Phase.CANCELLED, reason="cancelled"))
    return state


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (RunState(started_at=NOW), "there is no plan yet"),
        (stopped(), "the request has ended"),
        (running(step("a"), phase=Phase.DONE), "the request has ended"),
    ],
    ids=["no plan", "stopped", "done"],
)
def test_only_an_open_plan_is_amended(state: RunState, message: str) -> None:
    with pytest.raises(AmendmentRefused, match=message) as caught:
        take_amendment(state, amendment({"op": "set_model", "model": "m"}), CAPS, NOW)
    assert codes(caught.value.problems) == ["no_open_plan"]


def test_plan_that_has_run_to_its_end_takes_no_amendment() -> None:
    state = running(step("a"))
    state.closing = True
    with pytest.raises(AmendmentRefused, match="is ending"):
        take_amendment(state, amendment({"op": "set_model", "model": "m"}), CAPS, NOW)
