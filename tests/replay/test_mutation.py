"""The replay test can fail: each change of what is scheduled, or in which order, is refused by the replayer.

The changes are made in this process, so the replays here run without the sandbox, which imports workflows anew.
Temporal does not mind a command that only comes in an earlier task than it did, in the same order; nor does a replay.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner

from contracts.calls import Executed
from contracts.ports import Evaluating, Execution, Planning
from domain import admission, readiness, scheduling
from domain.content import Text
from domain.placement import Placement, runs_as_child
from domain.request import Caps
from domain.run_state import RunState
from domain.scheduling import Moves, next_moves
from domain.step import Step, StepResult
from tests.replay.histories import Recorded, manifest
from tests.replay.replaying import failure
from workflows import launches, life, step_runner
from workflows.life import Life
from workflows.request import RequestWorkflow
from workflows.shell import Shell
from workflows.step_runner import StepRunner
from workflows.tool_step import ToolStep

Patch = pytest.MonkeyPatch
HISTORIES = {recorded.name: recorded for recorded in manifest()}


class Mutation(NamedTuple):
    """A change of the code, and the history that must not replay with it."""

    history: str
    make: Callable[[Patch], None]


def always(answer: object) -> Callable[..., object]:
    """Return a function that gives this answer whatever it is asked."""

    def give(*_: object) -> object:
        return answer

    return give


async def nothing(*_: object) -> None:
    """Do nothing, where something was to be done."""


def placed(policy: Placement) -> Callable[[Step, Placement], bool]:
    """Return a rule that places steps by this policy, whatever the request's is."""

    def runs(step: Step, _: Placement) -> bool:
        return runs_as_child(step, policy)

    return runs


def reverse_launches(patch: Patch) -> None:
    """Start the ready steps in another order."""

    def reversed_moves(state: RunState, caps: Caps) -> Moves:
        moves = next_moves(state, caps)
        return moves._replace(launches=moves.launches[::-1])

    patch.setattr(life, "next_moves", reversed_moves)


def one_at_a_time(patch: Patch) -> None:
    """Narrow the window."""

    def narrow(state: RunState, caps: Caps) -> Moves:
        return next_moves(state, caps.model_copy(update={"window": 1}))

    patch.setattr(life, "next_moves", narrow)


def ignore_dependencies(patch: Patch) -> None:
    """Call every step ready at once."""
    patch.setattr(scheduling, "judge", always(answer=readiness.Verdict(readiness.Readiness.READY)))


def children_inline(patch: Patch) -> None:
    """Run inline what was a child."""
    patch.setattr(launches, "runs_as_child", placed(Placement.INLINE))


def inline_as_children(patch: Patch) -> None:
    """Run as children what was inline."""
    patch.setattr(launches, "runs_as_child", placed(Placement.CHILD))


def swap_activity(patch: Patch) -> None:
    """Call another activity for a step."""
    patch.setattr(Execution, "execute_step", Evaluating.evaluate_step)


def plan_before_understanding(patch: Patch) -> None:
    """Call the planner where the message is to be understood."""
    patch.setattr(Planning, "prepare", Planning.make_plan)


def evaluate_before_execute(patch: Patch) -> None:
    """Judge a step before it has run."""
    run = StepRunner.run

    async def judged_first(self: StepRunner) -> StepResult:
        await self._evaluate(1, Executed(text=Text.inline("")))  # pyright: ignore[reportPrivateUsage]  to be mutated
        return await run(self)

    patch.setattr(StepRunner, "run", judged_first)


def no_flush(patch: Patch) -> None:
    """Drop the recording of what was decided."""

    async def forget(self: Shell) -> None:
        self.state.take_outbox()

    patch.setattr(Shell, "flush", forget)


def no_retries(patch: Patch) -> None:
    """Take a step's first result, whatever it is worth."""
    patch.setattr(step_runner, "wants_retry", always(answer=False))


def endless_retries(patch: Patch) -> None:
    """Retry a step that is to be accepted."""
    patch.setattr(step_runner, "wants_retry", always(answer=True))


def no_deadline(patch: Patch) -> None:
    """Drop the deadline's timer."""
    patch.setattr(Life, "_watch_deadline", nothing)


def no_synthesis(patch: Patch) -> None:
    """Drop the final answer."""
    patch.setattr(Life, "_answer", nothing)


def no_word_to_the_parent(patch: Patch) -> None:
    """Drop the signal to the parent."""
    patch.setattr(Life, "_tell_parent", nothing)


def never_roll_over(patch: Patch) -> None:
    """Go on in the same run."""
    patch.setattr(Life, "_should_roll_over", always(answer=False))


def no_search_attributes(patch: Patch) -> None:
    """Tell Temporal's search nothing."""
    patch.setattr(RequestWorkflow, "_show", always(answer=None))


def no_repair(patch: Patch) -> None:
    """Admit every draft."""
    patch.setattr(admission, "admit", always(answer=()))


def keep_on_cancel(patch: Patch) -> None:
    """Let a cancelled step's activity run on."""
    patch.setattr(StepRunner, "halt", always(answer=None))


def no_gate(patch: Patch) -> None:
    """Make every call at once, whatever waits for an approval."""

    async def open_gate(*_: object) -> None:
        return None

    patch.setattr(ToolStep, "_gate", open_gate)


def ask_nobody(patch: Patch) -> None:
    """Try again at once where a person was to sign in first."""
    patch.setattr(ToolStep, "_mend", nothing)


MUTATIONS = [
    Mutation("parallel_plan", reverse_launches),
    Mutation("children", reverse_launches),
    Mutation("parallel_plan", one_at_a_time),
    Mutation("failed_and_skipped", ignore_dependencies),
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
    Mutation("tools_approved", no_gate),
    Mutation("tools_denied", no_gate),
    Mutation("tools_signed_in", ask_nobody),
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[f"{m.make.__name__}-{m.history}" for m in MUTATIONS])
async def test_changed_scheduling_is_refused(mutation: Mutation, monkeypatch: Patch) -> None:
    recorded = HISTORIES[mutation.history]
    assert await wrong(recorded) is None
    mutation.make(monkeypatch)
    assert isinstance(await wrong(recorded), workflow.NondeterminismError)


async def wrong(recorded: Recorded) -> Exception | None:
    """Replay in this process."""
    return await failure(recorded.load(), UnsandboxedWorkflowRunner())
