"""The replay test can fail: each change of what is scheduled, or in which order, is refused by the replayer.

The changes are made in this process, so the replays here run without the sandbox, which imports workflows anew.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from pytest import MonkeyPatch
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner

from contracts.ports import Evaluating, Planning
from domain import readiness, scheduling
from domain.content import Text
from domain.placement import Placement, runs_as_child
from domain.request import Caps
from domain.run_state import RunState
from domain.scheduling import Moves, next_moves
from domain.step import StepResult
from tests.replay.histories import Recorded, manifest
from tests.replay.replaying import failure
from workflows import coordinator, launches, life, step_runner
from workflows.life import Life
from workflows.request import RequestWorkflow
from workflows.shell import Shell
from workflows.step_runner import StepRunner

HISTORIES = {recorded.name: recorded for recorded in manifest()}


class Mutation(NamedTuple):
    """A change of the code, and the history that must not replay with it."""

    history: str
    make: Callable[[MonkeyPatch], None]


def reverse_launches(patch: MonkeyPatch) -> None:
    """Start the ready steps in another order."""

    def reversed_moves(state: RunState, caps: Caps) -> Moves:
        moves = next_moves(state, caps)
        return moves._replace(launches=moves.launches[::-1])

    patch.setattr(life, "next_moves", reversed_moves)


def one_at_a_time(patch: MonkeyPatch) -> None:
    """Narrow the window."""
    patch.setattr(life, "next_moves", lambda state, caps: next_moves(state, caps.model_copy(update={"window": 1})))


def ignore_dependencies(patch: MonkeyPatch) -> None:
    """Call every step ready at once."""
    ready = readiness.Verdict(readiness.Readiness.READY)
    patch.setattr(scheduling, "judge", lambda *_: ready)


def children_inline(patch: MonkeyPatch) -> None:
    """Run inline what was a child."""
    patch.setattr(launches, "runs_as_child", lambda step, _: runs_as_child(step, Placement.INLINE))


def inline_as_children(patch: MonkeyPatch) -> None:
    """Run as children what was inline."""
    patch.setattr(launches, "runs_as_child", lambda step, _: runs_as_child(step, Placement.CHILD))


def swap_activity(patch: MonkeyPatch) -> None:
    """Call another activity for a step."""
    patch.setattr(step_runner.Execution, "execute_step", Evaluating.evaluate_step)


def plan_before_understanding(patch: MonkeyPatch) -> None:
    """Call the planner where the message is to be understood."""
    patch.setattr(coordinator.Planning, "prepare", Planning.make_plan)


def evaluate_before_execute(patch: MonkeyPatch) -> None:
    """Judge a step before it has run."""
    run = StepRunner.run

    async def judged_first(self: StepRunner) -> StepResult:
        await self._evaluate(1, step_runner.Executed(text=Text.inline("")))
        return await run(self)

    patch.setattr(StepRunner, "run", judged_first)


def no_flush(patch: MonkeyPatch) -> None:
    """Drop the recording of what was decided."""

    async def nothing(self: Shell) -> None:
        self.state.take_outbox()

    patch.setattr(Shell, "flush", nothing)


def no_retries(patch: MonkeyPatch) -> None:
    """Take a step's first result, whatever it is worth."""
    patch.setattr(step_runner, "wants_retry", lambda *_: False)


def endless_retries(patch: MonkeyPatch) -> None:
    """Retry a step that is to be accepted."""
    patch.setattr(step_runner, "wants_retry", lambda *_: True)


def no_deadline(patch: MonkeyPatch) -> None:
    """Drop the deadline's timer."""

    async def nothing(_: Life) -> None:
        return None

    patch.setattr(Life, "_watch_deadline", nothing)


def no_synthesis(patch: MonkeyPatch) -> None:
    """Drop the final answer."""

    async def nothing(_: Life) -> None:
        return None

    patch.setattr(Life, "_answer", nothing)


def no_word_to_the_parent(patch: MonkeyPatch) -> None:
    """Drop the signal to the parent."""

    async def nothing(_: Life, __: Any) -> None:
        return None

    patch.setattr(Life, "_tell_parent", nothing)


def never_roll_over(patch: MonkeyPatch) -> None:
    """Go on in the same run."""
    patch.setattr(Life, "_should_roll_over", lambda _: False)


def no_search_attributes(patch: MonkeyPatch) -> None:
    """Tell Temporal's search nothing."""
    patch.setattr(RequestWorkflow, "_show", lambda _: None)


def no_repair(patch: MonkeyPatch) -> None:
    """Admit every draft."""
    patch.setattr(coordinator.admission, "admit", lambda *_: ())


def keep_on_cancel(patch: MonkeyPatch) -> None:
    """Let a cancelled step's activity run on."""
    patch.setattr(StepRunner, "halt", lambda _: None)


MUTATIONS = [
    Mutation("parallel_plan", reverse_launches),
    Mutation("children", reverse_launches),
    Mutation("parallel_plan", one_at_a_time),
    Mutation("parallel_plan", ignore_dependencies),
    Mutation("children", children_inline),
    Mutation("parallel_plan", inline_as_children),
    Mutation("simple_request", swap_activity),
    Mutation("step_alone", swap_activity),
    Mutation("simple_request", plan_before_understanding),
    Mutation("model_evaluation", evaluate_before_execute),
    Mutation("parallel_plan", no_flush),
    Mutation("step_retried", no_retries),
    Mutation("accepted_after_retries", endless_retries),
    Mutation("deadline", no_deadline),
    Mutation("parallel_plan", no_synthesis),
    Mutation("sub_request.child", no_word_to_the_parent),
    Mutation("continued_as_new", never_roll_over),
    Mutation("simple_request", no_search_attributes),
    Mutation("repaired_draft", no_repair),
    Mutation("cancelled_by_signal", keep_on_cancel),
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[f"{m.make.__name__}-{m.history}" for m in MUTATIONS])
async def test_changed_scheduling_is_refused(mutation: Mutation, monkeypatch: MonkeyPatch) -> None:
    recorded = HISTORIES[mutation.history]
    assert await wrong(recorded) is None
    mutation.make(monkeypatch)
    assert isinstance(await wrong(recorded), workflow.NondeterminismError)


async def wrong(recorded: Recorded) -> Exception | None:
    """Replay in this process."""
    return await failure(recorded.load(), UnsandboxedWorkflowRunner())
