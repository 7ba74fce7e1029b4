"""Short ways to write steps, plans and running states."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from domain.content import Text
from domain.edits import Amendment
from domain.errors import Problem
from domain.evaluation import Evaluation
from domain.outcomes import begin_plan
from domain.plan import Plan
from domain.request import Caps
from domain.run_state import RunState
from domain.scheduling import Launch, next_moves
from domain.step import Step, StepKind, StepResult, StepStatus
from domain.tools import CapabilityKind, Effect, Pin

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CAPS = Caps()


def step(step_id: str = "a", *depends_on: str, prompt: str = "do it", **fields: Any) -> Step:
    """A generate step that depends on others."""
    return Step(id=step_id, prompt=Text.inline(prompt), depends_on=depends_on, **fields)


PIN = Pin(hash="sha256:00", kind=CapabilityKind.TOOL, capability="note_create", effect=Effect.WRITE)


def call(step_id: str = "a", *depends_on: str, **fields: Any) -> Step:
    """A tool step that depends on others, bound to a tool."""
    usual: dict[str, Any] = {
        "kind": StepKind.TOOL,
        "mcp_target_server_id": "notes",
        "mcp_action_type": "tool",
        "mcp_action_name": "note_create",
        "mcp_parameters": {"text": "hi"},
        "pin": PIN,
    }
    return step(step_id, *depends_on, **(usual | fields))


def plan(*steps: Step) -> Plan:
    """The first version of a plan."""
    return Plan(steps=steps)


def running(*steps: Step, **fields: Any) -> RunState:
    """A request whose plan has just been admitted, with nothing launched and nothing to record."""
    state = RunState(started_at=NOW, **fields)
    begin_plan(state, plan(*steps))
    state.take_outbox()
    return state


def launched(state: RunState, caps: Caps = CAPS) -> list[str]:
    """The ids of the steps that start now."""
    return [launch.step.id for launch in launches(state, caps)]


def launches(state: RunState, caps: Caps = CAPS) -> tuple[Launch, ...]:
    """What starts now."""
    return next_moves(state, caps).launches


def succeeded(text: str = "fine", cost: int = 0) -> StepResult:
    """A launch that ended well."""
    return StepResult(status=StepStatus.SUCCEEDED, text=Text.inline(text), cost_micros=cost)


def failed(note: str = "broken", *, adjust: bool = False, text: str | None = None, cost: int = 0) -> StepResult:
    """A launch that failed; with `adjust` its evaluation wants another plan."""
    verdict = Evaluation(success=False, reason=note, needs_adjustment=adjust)
    result = None if text is None else Text.inline(text)
    return StepResult(status=StepStatus.FAILED, text=result, note=note, evaluation=verdict, cost_micros=cost)


def accepted(text: str = "so so", *, adjust: bool = False) -> StepResult:
    """A launch whose retries are spent and whose result is taken as it is."""
    verdict = Evaluation(success=False, reason="not good", needs_adjustment=adjust)
    return StepResult(status=StepStatus.ACCEPTED, text=Text.inline(text), note="not good", evaluation=verdict)


def amendment(*edits: dict[str, Any], version: int = 1, **fields: Any) -> Amendment:
    """An amendment as its JSON says it."""
    return Amendment.model_validate({"expected_version": version, "edits": list(edits), **fields})


def codes(problems: Iterable[Problem]) -> list[str]:
    """The codes of problems."""
    return [problem.code for problem in problems]
