import pytest

from domain.admission import admit
from domain.amending import take_amendment
from domain.content import Text
from domain.evaluation import Evaluation
from domain.events import EventType
from domain.outcomes import begin_plan, conclude, replan_done, replan_failed, replan_steps, settle, stop, wants_retry
from domain.request import Caps, Phase
from domain.run_state import RunState, Stop
from domain.scheduling import end_without_run
from domain.step import Step, StepResult, StepStatus
from tests.domain.make import (
    CAPS,
    NOW,
    accepted,
    amendment,
    failed,
    launched,
    launches,
    plan,
    running,
    step,
    succeeded,
)

CANCEL = Stop(phase=Phase.CANCELLED, reason="cancelled", detail="by the user")


@pytest.mark.parametrize(
    ("success", "adjust", "used", "again"),
    [
        (False, False, 1, True),
        (False, False, 2, True),
        (False, False, 3, False),
        (True, False, 1, False),
        (False, True, 1, False),
    ],
)
def test_round_is_repeated_only_when_it_may_help(success: bool, adjust: bool, used: int, again: bool) -> None:
    evaluation = Evaluation(success=success, needs_adjustment=adjust)
    assert wants_retry(evaluation, used, step(max_retries=2)) is again


def test_end_of_a_launch_is_taken_over_with_its_cost() -> None:
    state = running(step("a"), budget_micros=100)
    launches(state)
    settle(state, "a", 1, succeeded("text", cost=7), CAPS)
    run = state.runs["a"]
    assert (run.status, run.result, run.cost_micros) == (StepStatus.SUCCEEDED, Text.inline("text"), 7)
    assert (state.spent_micros, state.grants, state.open_launches) == (7, {}, [])
    assert [event.type for event in state.outbox] == [EventType.STEP_FINISHED]


def test_end_that_the_log_has_already_is_not_told_again() -> None:
    state = running(step("a"))
    launches(state)
    settle(state, "a", 1, succeeded("text").model_copy(update={"recorded": True}), CAPS)
    assert (state.runs["a"].status, state.outbox) == (StepStatus.SUCCEEDED, [])


def test_duplicate_end_is_neither_paid_nor_taken_twice() -> None:
    state = running(step("a"))
    launches(state)
    settle(state, "a", 1, succeeded("first", cost=7), CAPS)
    settle(state, "a", 1, failed("second", cost=7), CAPS)
    settle(state, "zz", 1, succeeded(cost=7), CAPS)
    assert (state.spent_micros, state.runs["a"].result) == (7, Text.inline("first"))
    assert len(state.outbox) == 1


def test_late_end_of_a_replaced_launch_is_paid_and_nothing_else() -> None:
    state = running(step("a"))
    launches(state)
    take_amendment(state, amendment({"op": "set_prompt", "step_id": "a", "prompt": "new"}), CAPS, NOW)
    settle(state, "a", 1, succeeded("old", cost=3), CAPS)
    assert state.runs["a"].status is StepStatus.PENDING
    (second,) = launches(state)
    assert (second.launch, second.first_round) == (2, 4)
    settle(state, "a", 2, succeeded("new", cost=4), CAPS)
    assert (state.spent_micros, state.runs["a"].cost_micros, state.runs["a"].result) == (7, 7, Text.inline("new"))


def test_end_of_a_dropped_step_is_paid() -> None:
    state = running(step("a"), step("b"))
    launches(state)
    take_amendment(state, amendment({"op": "drop", "step_id": "a"}), CAPS, NOW)
    settle(state, "a", 1, succeeded(cost=3), CAPS)
    assert (state.spent_micros, list(state.runs)) == (3, ["b"])


@pytest.mark.parametrize(
    ("result", "caps", "due", "status"),
    [
        (failed(adjust=True), CAPS, True, StepStatus.FAILED),
        (accepted(adjust=True), CAPS, True, StepStatus.FAILED),
        (accepted(), CAPS, False, StepStatus.ACCEPTED),
        (failed(), CAPS, False, StepStatus.FAILED),
        (StepResult(status=StepStatus.FAILED), CAPS, False, StepStatus.FAILED),
        (accepted(adjust=True), Caps(max_replans=0), False, StepStatus.ACCEPTED),
    ],
)
def test_plan_changes_only_when_the_evaluation_wants_it_and_the_caps_allow_it(
    result: StepResult, caps: Caps, due: bool, status: StepStatus
) -> None:
    state = running(step("a"))
    launches(state, caps)
    settle(state, "a", 1, result, caps)
    assert (state.due_replan is not None, state.runs["a"].status) == (due, status)


def test_second_failure_does_not_call_for_a_second_replan_at_once() -> None:
    state = running(step("a"), step("b"))
    launches(state)
    settle(state, "a", 1, failed("first", adjust=True), CAPS)
    settle(state, "b", 1, accepted(adjust=True), CAPS)
    assert state.due_replan is not None
    assert (state.due_replan.step_id, state.due_replan.reason) == ("a", "first")
    assert state.runs["b"].status is StepStatus.ACCEPTED


def test_failure_after_a_stop_calls_for_nothing() -> None:
    state = running(step("a"))
    launches(state)
    stop(state, CANCEL)
    settle(state, "a", 1, failed(adjust=True, cost=2), CAPS)
    assert (state.due_replan, state.spent_micros, state.runs["a"].status) == (None, 2, StepStatus.CANCELLED)


def replanned() -> RunState:
    state = running(step("a"), step("b", "a"), step("c"), step("d", "b"))
    launches(state)
    settle(state, "a", 1, failed("wrong way", adjust=True), CAPS)
    return state


def test_replan_keeps_what_ended_or_runs_and_replaces_what_waits() -> None:
    state = replanned()
    assert launched(state) == []
    state.checked["b"] = True
    assert state.plan is not None
    steps = replan_steps(state, state.plan, (step("b", "c"), step("e")))
    assert admit(steps, CAPS) == ()
    replan_done(state, steps)
    assert [item.id for item in state.plan.steps] == ["a", "c", "b", "e"]
    assert (state.plan.version, state.plan.origin, state.plan.reason, state.replans) == (2, "replan", "wrong way", 1)
    assert (state.due_replan, state.checked) == (None, {})
    assert launched(state) == ["e"]
    assert state.take_outbox()[-1].data["kept"] == ["a", "c"]


def test_replan_frees_kept_steps_from_what_they_no_longer_wait_for() -> None:
    reads = step("d", "b", condition="steps.b.status == 'succeeded' or steps.a.status == 'failed'")
    held = step("e", "c", condition="steps.c.status == 'succeeded'")
    state = running(step("a"), step("b", "a"), step("c"), reads, held, step("f", "b"))
    launches(state)
    settle(state, "c", 1, succeeded(), CAPS)
    launches(state)
    end_without_run(state, "d", StepStatus.CANCELLED, "cancelled")
    settle(state, "a", 1, failed(adjust=True), CAPS)
    assert state.plan is not None
    steps = replan_steps(state, state.plan, (step("g"),))
    assert admit(steps, CAPS) == ()
    assert [(item.id, item.depends_on, item.condition) for item in steps if item.id in "de"] == [
        ("d", (), None),
        ("e", ("c",), held.condition),
    ]


def replan_to(state: RunState, broken: str, draft: Step) -> None:
    settle(state, broken, 1, failed(adjust=True), CAPS)
    assert state.plan is not None
    replan_done(state, replan_steps(state, state.plan, (draft,)))


def test_step_that_comes_again_after_a_replan_repeats_no_launch_and_no_round() -> None:
    state = running(step("a"), step("b"), step("x"))
    launches(state)
    take_amendment(state, amendment({"op": "rewire", "step_id": "b", "depends_on": ["x"]}), CAPS, NOW)
    replan_to(state, "a", step("c"))
    launches(state)
    assert "b" not in state.runs
    replan_to(state, "c", step("b"))
    assert [(launch.step.id, launch.launch, launch.first_round) for launch in launches(state)] == [("b", 2, 4)]


def test_replan_that_comes_too_late_changes_nothing() -> None:
    state = running(step("a"))
    replan_done(state, (step("z"),))
    replan_failed(state)
    assert state.plan == plan(step("a"))
    assert (state.replans, state.outbox) == (0, [])


def test_failed_replan_accepts_a_result_that_is_there() -> None:
    state = running(step("a"), step("b", "a"))
    launches(state)
    settle(state, "a", 1, accepted("half", adjust=True), CAPS)
    replan_failed(state)
    assert (state.runs["a"].status, state.replans, state.due_replan) == (StepStatus.ACCEPTED, 1, None)
    assert launched(state) == ["b"]


def test_failed_replan_goes_on_without_a_result_that_is_not() -> None:
    state = running(step("a"), step("b", "a"), step("c"))
    launches(state)
    settle(state, "a", 1, failed(adjust=True), CAPS)
    replan_failed(state)
    assert launched(state) == []
    assert [run.status.value for run in state.runs.values()] == ["failed", "skipped", "running"]


def test_stop_cancels_what_has_not_ended_and_the_first_reason_counts() -> None:
    state = replanned()
    settle(state, "c", 1, succeeded(), CAPS)
    stop(state, CANCEL)
    stop(state, Stop(phase=Phase.FAILED, reason="deadline"))
    assert [run.status.value for run in state.runs.values()] == ["failed", "cancelled", "succeeded", "cancelled"]
    assert (state.stop, state.due_replan) == (CANCEL, None)


def test_stop_after_the_end_changes_nothing() -> None:
    state = running(step("a"), phase=Phase.DONE)
    stop(state, CANCEL)
    assert (state.stop, state.runs["a"].status) == (None, StepStatus.PENDING)


@pytest.mark.parametrize(
    ("results", "phase", "reason", "partial"),
    [
        ({"a": succeeded(), "b": succeeded()}, Phase.DONE, None, False),
        ({"a": succeeded(), "b": accepted()}, Phase.DONE, None, True),
        ({"a": succeeded(), "b": failed()}, Phase.DONE, None, True),
        ({"a": failed("first"), "b": failed("second")}, Phase.FAILED, "no_step_succeeded", True),
    ],
    ids=["all well", "one unverified", "one failed", "all failed"],
)
def test_request_ends_as_its_steps_did(
    results: dict[str, StepResult], phase: Phase, reason: str | None, partial: bool
) -> None:
    state = running(step("a"), step("b"), step("c", condition="false"))
    launches(state)
    for step_id, result in results.items():
        settle(state, step_id, 1, result, CAPS)
    state.answer = Text.inline("the answer")
    outcome = conclude(state)
    assert (outcome.phase, outcome.reason, outcome.partial) == (phase, reason, partial)
    assert outcome.answer == Text.inline("the answer")
    assert outcome.detail == ("first" if reason else None)


def test_failure_without_a_word_has_no_detail() -> None:
    state = running(step("a"))
    launches(state)
    settle(state, "a", 1, StepResult(status=StepStatus.FAILED), CAPS)
    assert conclude(state).detail is None


def test_stopped_request_ends_as_its_stop_says() -> None:
    state = running(step("a"))
    stop(state, CANCEL)
    outcome = conclude(state)
    assert (outcome.phase, outcome.reason, outcome.detail) == (Phase.CANCELLED, "cancelled", "by the user")
    assert outcome.partial


def test_forked_plan_begins_with_the_results_it_keeps() -> None:
    state = RunState(started_at=NOW)
    begin_plan(state, plan(step("a"), step("b", "a")), {"a": Text.inline("kept")})
    assert launches(state)[0].inputs == {"a": Text.inline("kept")}
    assert [event.type for event in state.outbox] == [EventType.PLAN_CREATED, EventType.STEP_FINISHED]
