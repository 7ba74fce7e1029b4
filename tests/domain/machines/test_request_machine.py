"""A machine that plays the workflow's shell in any order of events: ends late, lost or twice, amendments, replans, stops."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import TypeAdapter

from domain.admission import admit
from domain.amending import take_amendment
from domain.content import Text
from domain.errors import AmendmentRefused
from domain.outcomes import begin_plan, replan_done, replan_failed, replan_steps, settle, stop
from domain.plan import Plan
from domain.request import Caps, Phase
from domain.run_state import RunState, Stop
from domain.scheduling import end_without_run, next_moves
from domain.step import Step, StepKind, StepStatus
from tests.domain.machines import plans
from tests.domain.machines.play import play_to_end
from tests.domain.make import NOW, amendment, succeeded

CARRIED = TypeAdapter(RunState)


def _some(keys: list[str]) -> st.SearchStrategy[list[str]]:
    """Up to three of them, in any order."""
    return st.lists(st.sampled_from(keys), max_size=3, unique=True) if keys else st.just([])


class RequestMachine(RuleBasedStateMachine):
    """Holds the state as the shell does, and what the state promises beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.state = RunState(started_at=NOW)
        self.caps = Caps()
        self.grants: dict[str, int | None] = {}
        self.ended: list[str] = []
        self.rounds: set[tuple[str, int]] = set()
        self.finished: dict[str, Text | None] = {}
        self.events = 0

    @initialize(steps=plans.plans(), caps=plans.caps, budget=st.none() | st.sampled_from([0, 5, 1000, 10**6]))
    def begin(self, steps: tuple[Step, ...], caps: Caps, budget: int | None) -> None:
        self.caps = caps
        self.state.budget_micros = budget
        assert admit(steps, caps) == ()
        begin_plan(self.state, Plan(steps=steps))
        self.move()

    def move(self) -> None:
        moves = next_moves(self.state, self.caps)
        for launch in moves.launches:
            key = f"{launch.step.id}/{launch.launch}"
            owned = {(launch.step.id, launch.first_round + n) for n in range(launch.step.max_retries + 1)}
            assert launch.step.id not in self.finished, "a finished step runs again"
            assert key not in self.grants, "a launch comes twice"
            assert not owned & self.rounds, "a round comes twice"
            self.grants[key] = launch.grant_micros
            self.rounds |= owned

    @rule(data=st.data(), holds=st.booleans())
    def turn(self, data: st.DataObject, holds: bool) -> None:  # noqa: FBT001  # drawn by hypothesis
        """Some launches end, in any order, conditions get their answers, and what may start now starts."""
        for key in data.draw(_some(self.state.open_launches)):
            self.end(key, data)
        for check in next_moves(self.state.copy(), self.caps).checks:
            self.state.checked[check.step.id] = holds
        self.move()

    def end(self, key: str, data: st.DataObject) -> None:
        step_id, _, launch = key.partition("/")
        unlimited = 500 if self.state.budget_micros is None else 0
        grant = self.grants[key]
        result = data.draw(plans.results(unlimited if grant is None else grant))
        settle(self.state, step_id, int(launch), result, self.caps)
        self.ended.append(key)
        before = self.state.copy()
        settle(self.state, step_id, int(launch), result, self.caps)
        assert self.state == before, "a duplicate changed something"

    @rule(data=st.data(), stale=st.sampled_from([0, 0, 0, 0, 1]))
    def amend(self, data: st.DataObject, stale: int) -> None:
        before, version = self.state.copy(), self.version
        edits = data.draw(st.lists(plans.edits(self.state), min_size=1, max_size=2))
        try:
            amended = take_amendment(self.state, amendment(*edits, version=version + stale), self.caps, NOW)
        except AmendmentRefused as refusal:
            assert refusal.problems
            assert self.state == before, "a refused amendment changed something"
            return
        assert self.version == version + 1
        assert set(amended.kept) | set(amended.cancelled) | set(amended.rerun) | set(amended.results) >= set(
            before.runs
        )

    @precondition(lambda self: self.state.due_replan is not None)
    @rule(data=st.data())
    def replan(self, data: st.DataObject) -> None:
        plan, version = self.state.plan, self.version
        assert plan is not None
        kept = tuple(step.id for step in replan_steps(self.state, plan, ()))
        steps = replan_steps(self.state, plan, data.draw(plans.drafts(kept)))
        if admit(steps, self.caps):
            replan_failed(self.state)
            assert self.version == version
        else:
            replan_done(self.state, steps)
            assert self.version == version + 1
        self.move()

    @rule(data=st.data(), stop_too=st.integers(0, 9))
    def happening(self, data: st.DataObject, stop_too: int) -> None:
        """What comes rarely, or changes little."""
        happenings = [self.late_duplicate, self.late_replan, self.wait_for_people, self.pause_or_resume]
        happenings += [self.cancel_step, self.continue_as_new, self.record]
        data.draw(st.sampled_from([*happenings, self.stop] if stop_too == 0 else happenings))(data)

    def late_duplicate(self, data: st.DataObject) -> None:
        before = self.state.copy()
        for key in data.draw(_some(self.ended)):
            step_id, _, launch = key.partition("/")
            settle(self.state, step_id, int(launch), data.draw(plans.results(500)), self.caps)
        assert self.state == before, "a duplicate changed something"

    def late_replan(self, _: st.DataObject) -> None:
        if self.state.due_replan is None:
            before = self.state.copy()
            replan_done(self.state, ())
            replan_failed(self.state)
            assert self.state == before

    def wait_for_people(self, _: st.DataObject) -> None:
        for step in self.state.plan.steps if self.state.plan else ():
            run = self.state.runs[step.id]
            if step.kind is StepKind.HUMAN and run.status is StepStatus.RUNNING:
                self.state.runs[step.id] = run.model_copy(update={"status": StepStatus.WAITING})

    def pause_or_resume(self, _: st.DataObject) -> None:
        self.state.paused = not self.state.paused

    def cancel_step(self, data: st.DataObject) -> None:
        for step_id in data.draw(_some([key for key, run in self.state.runs.items() if not run.status.is_end])):
            end_without_run(self.state, step_id, StepStatus.CANCELLED, "cancelled by the user")

    def continue_as_new(self, _: st.DataObject) -> None:
        self.state = CARRIED.validate_json(CARRIED.dump_json(self.state))

    def record(self, _: st.DataObject) -> None:
        for event in self.state.take_outbox():
            self.events += 1
            assert event.source_seq == self.events, "an event is lost or comes twice"

    def stop(self, _: st.DataObject) -> None:
        stop(self.state, Stop(phase=Phase.CANCELLED, reason="cancelled"))

    @property
    def version(self) -> int:
        return self.state.plan.version if self.state.plan else 0

    @invariant()
    def spending_stays_within_the_budget(self) -> None:
        remaining = self.state.remaining_micros()
        assert remaining is None or remaining >= 0

    @invariant()
    def work_stays_within_the_caps(self) -> None:
        assert sum(run.status.is_active for run in self.state.runs.values()) <= self.caps.window
        assert self.state.replans <= self.caps.max_replans
        assert len(self.state.runs) <= self.caps.max_steps

    @invariant()
    def runs_are_the_plans(self) -> None:
        steps = self.state.plan.steps if self.state.plan else ()
        assert [step.id for step in steps] == list(self.state.runs)

    @invariant()
    def what_is_open_is_what_was_launched_and_has_not_ended(self) -> None:
        assert sorted(self.state.open_launches) == sorted(set(self.grants) - set(self.ended))
        assert set(self.state.grants) <= set(self.state.open_launches)

    @invariant()
    def finished_steps_keep_their_results(self) -> None:
        for step_id, result in self.finished.items():
            assert self.state.runs[step_id].status.has_result
            assert self.state.runs[step_id].result == result
        self.finished = {key: run.result for key, run in self.state.runs.items() if run.status.has_result}

    def teardown(self) -> None:
        if self.state.plan is None:
            return
        outcome = play_to_end(self.state, self.caps, lambda _: succeeded())
        assert all(run.status.is_end for run in self.state.runs.values())
        assert (outcome.phase is Phase.CANCELLED) is (self.state.stop is not None)
        assert self.state.grants == {}
        self.state.enter(outcome.phase)
        self.nothing_changes_after_the_end()

    def nothing_changes_after_the_end(self) -> None:
        before = self.state.copy()
        stop(self.state, Stop(phase=Phase.FAILED, reason="too late"))
        with pytest.raises(AmendmentRefused):
            take_amendment(
                self.state, amendment({"op": "set_model", "model": "m"}, version=self.version), self.caps, NOW
            )
        assert self.state == before


TestRequestMachine = RequestMachine.TestCase
TestRequestMachine.settings = settings(max_examples=4 * settings().max_examples)
