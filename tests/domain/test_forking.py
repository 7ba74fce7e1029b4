import pytest

from domain.admission import admit
from domain.errors import InvalidInput
from domain.forking import fork
from domain.outcomes import begin_plan, settle
from domain.run_state import RunState
from domain.step import StepStatus
from tests.domain.make import CAPS, NOW, codes, failed, launched, launches, plan, running, step, succeeded

STEPS = (step("a"), step("b", "a"), step("c", "b"), step("d"), step("e"))


def finished() -> RunState:
    state = running(*STEPS)
    launches(state)
    for step_id in ("a", "d"):
        settle(state, step_id, 1, succeeded(step_id), CAPS)
    settle(state, "e", 1, failed(text="half"), CAPS)
    for step_id in ("b", "c"):
        launches(state)
        settle(state, step_id, 1, succeeded(step_id), CAPS)
    return state


@pytest.mark.parametrize(
    ("from_step", "kept"),
    [("a", ["d"]), ("b", ["a", "d"]), ("c", ["a", "b", "d"]), ("e", ["a", "b", "c", "d"])],
)
def test_fork_keeps_results_that_do_not_depend_on_the_step(from_step: str, kept: list[str]) -> None:
    source = finished()
    assert source.plan is not None
    forked = fork(source.plan, source.runs, from_step)
    assert sorted(forked.results) == kept
    assert (forked.plan.version, forked.plan.origin) == (1, "fork")
    assert admit(forked.plan.steps, CAPS) == ()


def test_fork_runs_only_what_it_did_not_keep() -> None:
    source = finished()
    forked = fork(plan(*STEPS), source.runs, "c")
    state = RunState(started_at=NOW)
    begin_plan(state, forked.plan, forked.results)
    assert launched(state) == ["c", "e"]
    assert state.runs["a"].status is StepStatus.SUCCEEDED


def test_unknown_step_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        fork(plan(*STEPS), {}, "zz")
    assert codes(caught.value.problems) == ["unknown_step"]
