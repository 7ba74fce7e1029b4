import pytest

from domain.content import Text
from domain.outcomes import settle
from domain.request import Caps, Phase
from domain.run_state import DueReplan, RunState, Stop
from domain.scheduling import BUDGET_NOTE, Moves, next_moves
from domain.step import StepKind
from tests.domain.make import CAPS, NOW, call, failed, launched, launches, running, step, succeeded


def statuses(state: RunState) -> dict[str, str]:
    return {step_id: run.status.value for step_id, run in state.runs.items()}


def test_ready_steps_start_side_by_side_in_plan_order_within_the_window() -> None:
    state = running(step("c"), step("a"), step("b"), step("d", "c"))
    assert launched(state, Caps(window=2)) == ["c", "a"]
    assert launched(state, Caps(window=2)) == []
    settle(state, "c", 1, succeeded(), CAPS)
    assert launched(state, Caps(window=2)) == ["b"]


def test_launch_brings_the_results_it_depends_on_and_rounds_of_its_own() -> None:
    state = running(step("a"), step("b", "a", max_retries=3))
    launches(state)
    settle(state, "a", 1, succeeded("from a"), CAPS)
    (launch,) = launches(state)
    assert (launch.launch, launch.first_round, launch.grant_micros) == (1, 1, None)
    assert launch.inputs == {"a": Text.inline("from a")}
    assert state.runs["b"].next_round == 5


def test_plan_is_finished_when_every_step_has_ended() -> None:
    state = running(step("a"), step("b", "a"))
    assert not next_moves(state, CAPS).finished
    settle(state, "a", 1, failed(), CAPS)
    moves = next_moves(state, CAPS)
    assert (moves.launches, moves.finished) == ((), True)
    assert statuses(state) == {"a": "failed", "b": "skipped"}
    assert state.runs["b"].note == "no result from a"


@pytest.mark.parametrize(
    "fields",
    [
        {"paused": True},
        {"stop": Stop(phase=Phase.CANCELLED, reason="cancelled")},
        {"due_replan": DueReplan(step_id="a", reason="x")},
        {"plan": None},
    ],
    ids=["paused", "stopped", "replan due", "no plan"],
)
def test_nothing_starts_while(fields: dict[str, object]) -> None:
    state = running(step("a"))
    for name, value in fields.items():
        setattr(state, name, value)
    assert next_moves(state, CAPS) == Moves()


def test_hopeless_chain_falls_at_once_whatever_its_order() -> None:
    state = running(step("c", "b"), step("b", "a"), step("a", condition="false"))
    assert next_moves(state, CAPS).finished
    assert statuses(state) == {"a": "skipped", "b": "skipped", "c": "skipped"}
    assert [event.data["step_id"] for event in state.take_outbox()] == ["a", "b", "c"]


def test_condition_over_a_long_result_is_checked_elsewhere() -> None:
    asks = step("b", "a", condition="steps.a.result contains 'x'")
    state = running(step("a"), asks)
    launches(state)
    settle(state, "a", 1, succeeded("x" * 2000), CAPS)
    moves = next_moves(state, CAPS)
    assert ([check.step for check in moves.checks], moves.launches, moves.finished) == ([asks], (), False)
    state.checked["b"] = True
    assert launched(state) == ["b"]


def test_budget_is_shared_among_pending_steps_and_the_answer() -> None:
    state = running(step("a"), step("b", budget_micros=10), step("c", "a"), budget_micros=1000)
    granted = {launch.step.id: launch.grant_micros for launch in launches(state)}
    assert granted == {"a": 250, "b": 10}
    assert state.remaining_micros() == 740


def test_people_cost_nothing() -> None:
    state = running(step("a", kind=StepKind.HUMAN), budget_micros=0)
    assert [launch.grant_micros for launch in launches(state)] == [None]


def test_steps_without_money_fall_with_all_that_need_them_and_the_plan_ends() -> None:
    steps = (step("a"), step("b", "a"), step("c", "a", condition="steps.a.status == 'skipped'", kind=StepKind.HUMAN))
    state = running(*steps, budget_micros=0)
    assert launched(state) == ["c"]
    assert statuses(state) == {"a": "skipped", "b": "skipped", "c": "running"}
    assert state.runs["a"].note == BUDGET_NOTE
    settle(state, "c", 1, succeeded(), CAPS)
    assert next_moves(state, CAPS).finished


def test_request_without_a_plan_has_nothing_to_do() -> None:
    assert next_moves(RunState(started_at=NOW), CAPS) == Moves()


def test_a_tool_costs_nothing_unless_a_model_judges_what_it_gave() -> None:
    state = running(call("free"), call("judged", evaluate="model"), budget_micros=100)
    free, judged = launches(state)
    assert free.grant_micros is None
    assert judged.grant_micros is not None
    poor = running(call("free"), call("judged", evaluate="model"), budget_micros=0)
    assert launched(poor) == ["free"]
    assert poor.runs["judged"].note == BUDGET_NOTE
