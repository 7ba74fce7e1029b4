import json

import pytest

from domain.content import Text
from domain.errors import Problem
from domain.events import EventType
from domain.request import Phase
from domain.run_state import MESSAGES_REMEMBERED, REFUSALS_SHOWN, RunState
from domain.step import StepRun
from tests.domain.make import NOW, plan, running, step

PROBLEM = Problem(code="c", path="/p", message="m")


def fresh() -> RunState:
    return RunState(started_at=NOW)


def test_events_are_numbered_plain_json() -> None:
    state = fresh()
    state.emit(EventType.PLAN_CREATED, plan=plan(step("a")), kept=("x",), problems=(PROBLEM,), n=1)
    state.emit(EventType.COST, micros=None)
    first, second = state.take_outbox()
    assert (first.source, first.source_seq, second.source_seq) == ("wf", 1, 2)
    assert first.data["v"] == 1
    assert first.data["plan"]["steps"][0]["id"] == "a"
    assert first.data["problems"] == [PROBLEM.model_dump()]
    assert json.loads(json.dumps(first.data)) == first.data


def test_outbox_is_handed_over_once_and_numbers_go_on() -> None:
    state = fresh()
    state.emit(EventType.COST)
    assert len(state.take_outbox()) == 1
    assert state.take_outbox() == ()
    state.emit(EventType.COST)
    assert state.take_outbox()[0].source_seq == 2


def test_phase_is_told_when_it_changes() -> None:
    state = fresh()
    state.enter(Phase.PLANNING)
    state.enter(Phase.PLANNING)
    assert [event.data for event in state.take_outbox()] == [{"v": 1, "phase": "planning", "paused": False}]


def test_rounds_count_by_slot() -> None:
    state = fresh()
    assert [state.next_round("@plan"), state.next_round("@plan"), state.next_round("@understand")] == [1, 2, 1]


@pytest.mark.parametrize(("budget", "remaining"), [(None, None), (100, 60), (10, -30)])
def test_what_is_spent_or_granted_does_not_remain(budget: int | None, remaining: int | None) -> None:
    state = RunState(started_at=NOW, budget_micros=budget, spent_micros=30, grants={"a/1": 4, "b/1": 6})
    assert state.remaining_micros() == remaining


def test_message_is_answered_as_before_and_old_answers_are_forgotten() -> None:
    state = fresh()
    state.remember(None, "nothing")
    for number in range(MESSAGES_REMEMBERED + 5):
        state.remember(f"m{number}", number)
    assert len(state.answered) == MESSAGES_REMEMBERED
    assert ("m4" in state.answered, state.answered["m5"]) == (False, 5)


def test_last_refusals_stand_in_the_status_and_all_in_the_log() -> None:
    state = fresh()
    for number in range(REFUSALS_SHOWN + 2):
        state.refuse("amend", f"m{number}", (PROBLEM,))
    assert [refusal.message_id for refusal in state.refusals] == [f"m{n}" for n in range(2, REFUSALS_SHOWN + 2)]
    assert len(state.outbox) == REFUSALS_SHOWN + 2
    assert state.outbox[0].type is EventType.MESSAGE_REFUSED


def test_copy_is_changed_alone() -> None:
    state = running(step("a"))
    other = state.copy()
    assert other == state
    other.runs["a"] = StepRun(launches=1)
    other.rounds["@plan"] = 1
    other.emit(EventType.COST)
    assert state == running(step("a"))


def test_counters_of_launched_steps_outlive_them_and_nothing_else_does() -> None:
    state = running(step("a"), step("b"))
    state.runs["a"] = StepRun(launches=2, next_round=7, cost_micros=5, note="old", result=Text.inline("old"))
    assert list(state.runs_for([step("c")])) == ["c"]
    state.runs = {}
    assert state.runs_for([step("a"), step("b")]) == {
        "a": StepRun(launches=2, next_round=7, cost_micros=5),
        "b": StepRun(),
    }
