"""A machine that plays the workflow's shell in any order of events.

Launches end late, twice or after others; people amend, pause, cancel and stop; the planner replans. Hypothesis chooses
the order of events, a seeded random generator what each brings.
"""

from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
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
from domain.step import StepKind, StepResult, StepStatus
from tests.domain.machines import plans
from tests.domain.machines.play import play_to_end
from tests.domain.make import NOW, amendment

CARRIED = TypeAdapter(RunState)
seeds = st.integers(0, 2**32).map(Random)


class RequestMachine(RuleBasedStateMachine):
    """Holds the state as the shell does, and what the state promises beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.state = RunState(started_at=NOW)
        self.caps = Caps()
        self.random = Random(0)
        self.grants: dict[str, int | None] = {}
        self.ended: list[str] = []
        self.rounds: set[tuple[str, int]] = set()
        self.finished: dict[str, Text | None] = {}
        self.events = 0

    @initialize(random=seeds)
    def begin(self, random: Random) -> None:
        self.random = random
        self.caps = plans.caps(random)
        self.state.budget_micros = random.choice([None, 0, 5, 1000, 10**6])
        steps = plans.plan(random)
        assert admit(steps, self.caps) == ()
        begin_plan(self.state, Plan(steps=steps))
        self.move()

    @rule(random=seeds)
    def turn(self, random: Random) -> None:
        """Some launches end, in any order, conditions get their answers, and what may start now starts."""
        for key in plans.some(random, self.state.open_launches):
            self.end(key, self.result(key))
        for check in next_moves(self.state.copy(), self.caps).checks:
            self.state.checked[check.step.id] = random.random() < 0.5
        self.move()

    def move(self) -> None:
        for launch in next_moves(self.state, self.caps).launches:
            key = f"{launch.step.id}/{launch.launch}"
            owned = {(launch.step.id, launch.first_round + n) for n in range(launch.step.max_retries + 1)}
            assert launch.step.id not in self.finished, "a finished step runs again"
            assert key not in self.grants, "a launch comes twice"
            assert not owned & self.rounds, "a round comes twice"
            self.grants[key] = launch.grant_micros
            self.rounds |= owned
        before = self.state.copy()
        assert not next_moves(self.state, self.caps).launches, "the first look missed a step"
        assert self.state == before, "the first look left something to decide"

    def result(self, key: str) -> StepResult:
        grant = self.grants[key]
        unlimited = 500 if self.state.budget_micros is None else 0
        return plans.result(self.random, unlimited if grant is None else grant)

    def end(self, key: str, result: StepResult) -> None:
        step_id, _, launch = key.partition("/")
        before = self.state.runs.get(step_id)
        settle(self.state, step_id, int(launch), result, self.caps)
        self.ended.append(key)
        if before is not None and (before.launches != int(launch) or not before.status.is_active):
            cost = before.cost_micros + result.cost_micros
            assert self.state.runs[step_id] == before.model_copy(update={"cost_micros": cost}), (
                "a late end changed a step"
            )

    @rule(random=seeds)
    def amend(self, random: Random) -> None:
        before, version = self.state.copy(), self.version
        written = amendment(*plans.edits(random, self.state), version=version + (random.random() < 0.1))
        try:
            amended = take_amendment(self.state, written, self.caps, NOW)
        except AmendmentRefused:
            assert self.state == before, "a refused amendment changed something"
            return
        assert (self.version, self.state.checked) == (version + 1, {})
        assert set(amended.kept) | set(amended.cancelled) | set(amended.rerun) | set(amended.results) >= set(
            before.runs
        )
        if random.random() < 0.5:
            self.move()

    @precondition(lambda self: self.state.due_replan is not None)
    @rule(random=seeds)
    def replan(self, random: Random) -> None:
        plan, version = self.state.plan, self.version
        assert plan is not None
        kept = tuple(step.id for step in replan_steps(self.state, plan, ()))
        steps = replan_steps(self.state, plan, plans.draft(random, kept))
        if admit(steps, self.caps):
            replan_failed(self.state)
            assert self.version == version
        else:
            replan_done(self.state, steps)
            assert (self.version, self.state.checked) == (version + 1, {})
        self.move()

    @rule(random=seeds)
    def happening(self, random: Random) -> None:
        """What comes rarely, or changes little."""
        happenings = [self.duplicate, self.late_replan, self.wait_for_people, self.pause_or_resume, self.cancel_step]
        random.choice([*happenings * 3, self.continue_as_new, self.record, self.stop])(random)

    def duplicate(self, random: Random) -> None:
        before = self.state.copy()
        for key in plans.some(random, self.ended):
            step_id, _, launch = key.partition("/")
            settle(self.state, step_id, int(launch), plans.result(random, 500), self.caps)
        assert self.state == before, "a duplicate changed something"

    def late_replan(self, _: Random) -> None:
        if self.state.due_replan is None:
            before = self.state.copy()
            replan_done(self.state, ())
            replan_failed(self.state)
            assert self.state == before

    def wait_for_people(self, _: Random) -> None:
        for step in self.state.plan.steps if self.state.plan else ():
            run = self.state.runs[step.id]
            if step.kind is StepKind.HUMAN and run.status is StepStatus.RUNNING:
                self.state.runs[step.id] = run.model_copy(update={"status": StepStatus.WAITING})

    def pause_or_resume(self, _: Random) -> None:
        self.state.paused = not self.state.paused

    def cancel_step(self, random: Random) -> None:
        for step_id in plans.some(random, [key for key, run in self.state.runs.items() if not run.status.is_end])[:1]:
            end_without_run(self.state, step_id, StepStatus.CANCELLED, "cancelled by the user")

    def continue_as_new(self, _: Random) -> None:
        self.state = CARRIED.validate_json(CARRIED.dump_json(self.state))

    def record(self, _: Random) -> None:
        for event in self.state.take_outbox():
            self.events += 1
            assert event.source_seq == self.events, "an event is lost or comes twice"

    def stop(self, _: Random) -> None:
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
        outcome = play_to_end(self.state, self.caps, self.late_result)
        assert all(run.status.is_end for run in self.state.runs.values())
        assert (outcome.phase is Phase.CANCELLED) is (self.state.stop is not None)
        assert self.state.grants == {}
        self.spending_stays_within_the_budget()
        self.state.enter(outcome.phase)
        self.nothing_changes_after_the_end()

    def late_result(self, key: str) -> StepResult:
        return self.result(key) if key in self.grants else plans.result(self.random, 0)

    def nothing_changes_after_the_end(self) -> None:
        before = self.state.copy()
        stop(self.state, Stop(phase=Phase.FAILED, reason="too late"))
        with pytest.raises(AmendmentRefused):
            take_amendment(
                self.state, amendment({"op": "set_model", "model": "m"}, version=self.version), self.caps, NOW
            )
        assert self.state == before


TestRequestMachine = RequestMachine.TestCase
TestRequestMachine.settings = settings(max_examples=10 * settings().max_examples)


@pytest.mark.long
def test_longer_lives_and_many_more_of_them() -> None:
    long = settings(settings.get_profile("long"), max_examples=10_000)
    run_state_machine_as_test(RequestMachine, settings=long)
