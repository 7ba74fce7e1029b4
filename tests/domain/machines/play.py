"""Plays a request to its end, and fails when it stands still."""

from collections.abc import Callable

from domain.outcomes import conclude, replan_failed, settle
from domain.request import Caps, Outcome
from domain.run_state import RunState
from domain.scheduling import next_moves
from domain.step import StepResult
from tests.domain.make import succeeded


def _fine(_key: str) -> StepResult:
    return succeeded()


def play_to_end(state: RunState, caps: Caps, result_of: Callable[[str], StepResult] = _fine) -> Outcome:
    """Resume, let every launch end, hold every condition, refuse every replan; return the request's one end."""
    state.paused = False
    turns = 3 + 2 * len(state.runs) + len(state.open_launches) + caps.max_replans
    for _ in range(turns):
        if _turn(state, caps, result_of):
            break
    else:
        raise AssertionError(f"no end after {turns} turns")
    for key in list(state.open_launches):
        _end(state, key, caps, result_of)
    return conclude(state)


def _turn(state: RunState, caps: Caps, result_of: Callable[[str], StepResult]) -> bool:
    """Do all that can be done at once; return whether the plan has ended."""
    if state.due_replan is not None:
        replan_failed(state)
    moves = next_moves(state, caps)
    if moves.finished or state.stop is not None:
        return True
    assert moves.launches or moves.checks or state.open_launches, "nothing runs, nothing can start, nothing has ended"
    for check in moves.checks:
        state.checked[check.step.id] = True
    for key in list(state.open_launches):
        _end(state, key, caps, result_of)
    return False


def _end(state: RunState, key: str, caps: Caps, result_of: Callable[[str], StepResult]) -> None:
    step_id, _, launch = key.partition("/")
    settle(state, step_id, int(launch), result_of(key), caps)
