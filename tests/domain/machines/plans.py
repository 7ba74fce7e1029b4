"""Random plans, results, drafts and amendments, right ones and wrong ones, over a small pool of step ids."""

from random import Random
from typing import Any

from domain.content import Text
from domain.evaluation import Evaluation
from domain.request import Caps
from domain.run_state import RunState
from domain.step import Step, StepKind, StepResult, StepStatus

IDS = tuple(f"s{number}" for number in range(8))
KINDS = (StepKind.GENERATE, StepKind.GENERATE, StepKind.HUMAN, StepKind.REQUEST)
ENDS = tuple(status for status in StepStatus if status.is_end)
TEXTS = (
    Text.inline("yes"),
    Text.inline("x" * 2000),
    Text.inline('{"ok": true}'),
    Text(ref="sha256:00", size=9999),
)


def caps(random: Random) -> Caps:
    """Narrow bounds, so that they are met."""
    return Caps(window=random.choice([1, 2, 3, 20]), max_replans=random.randint(0, 3), max_steps=12)


def plan(random: Random) -> tuple[Step, ...]:
    """A plan that admission takes: acyclic, in any order."""
    names = IDS[: random.randint(1, 6)]
    steps = [_step(random, name, names[:index]) for index, name in enumerate(names)]
    random.shuffle(steps)
    return tuple(steps)


def draft(random: Random, kept: tuple[str, ...]) -> tuple[Step, ...]:
    """What a planner may draft on a replan: right ones, and ones that take the id of a step that stays."""
    pool = [name for name in IDS if name not in kept or random.random() < 0.05]
    names = random.sample(pool, k=min(len(pool), random.randint(0, 3)))
    return tuple(_step(random, name, (*kept, *names[:index])) for index, name in enumerate(names))


def _step(random: Random, step_id: str, earlier: tuple[str, ...]) -> Step:
    depends_on = tuple(random.choices(earlier, k=random.randint(0, 2))) if earlier else ()
    return Step(
        id=step_id,
        kind=random.choice(KINDS),
        prompt=Text.inline("do it"),
        depends_on=depends_on,
        condition=_condition(random, depends_on),
        max_retries=random.randint(0, 3),
        budget_micros=random.choice([None, None, 0, 1, 50, 10_000]),
    )


def _condition(random: Random, depends_on: tuple[str, ...]) -> str | None:
    if not depends_on:
        return random.choice([None, None, None, "true", "1 > 2"])
    name, status = random.choice(depends_on), random.choice(["succeeded", "failed", "skipped"])
    return random.choice(
        [
            None,
            None,
            f"steps.{name}.status == '{status}'",
            f"steps.{name}.result contains 'x'",
            f"steps.{name}.result.ok or steps.{name}.status != 'succeeded'",
        ]
    )


def result(random: Random, most_micros: int) -> StepResult:
    """How a launch may end, at a cost within `most_micros`."""
    status = random.choice([StepStatus.SUCCEEDED, StepStatus.FAILED, *ENDS])
    adjust = random.random() < 0.6
    return StepResult(
        status=status,
        text=random.choice([None, *TEXTS]),
        evaluation=None if status is StepStatus.SUCCEEDED else Evaluation(success=False, needs_adjustment=adjust),
        note=random.choice([None, "why"]),
        cost_micros=random.randint(0, most_micros),
        recorded=random.random() < 0.5,
    )


def edits(random: Random, state: RunState) -> list[dict[str, Any]]:
    """One or two edits of a running plan, most of them about steps that are there, often about the same."""
    pool = [*state.runs, *state.runs, *IDS]
    step_ids = random.choice([[random.choice(pool)] * 2, random.choices(pool, k=1), random.choices(pool, k=2)])
    return [_edit(random, state, step_id) for step_id in step_ids]


def _edit(random: Random, state: RunState, step_id: str) -> dict[str, Any]:
    after = random.choices([*state.runs, "s7"], k=random.randint(0, 2))
    new = random.choice([name for name in IDS if name not in state.runs] or list(IDS))
    scope = random.choice([{}, {"step_id": step_id}])
    return random.choice(
        [
            {"op": "add", "step": {"id": new, "prompt": "more", "depends_on": after}},
            {"op": "drop", "step_id": step_id, "dependents": random.choice(["drop", "detach"])},
            {"op": "rewire", "step_id": step_id, "depends_on": after},
            {"op": "retime", "step_id": step_id, "timeout_s": random.choice([5, 60, 1e9])},
            {"op": "retime", "deadline": f"2026-11-21T{random.randint(0, 23):02}:00:00Z"},
            {"op": "set_prompt", "step_id": step_id, "prompt": random.choice(["", "p", "q"])},
            {"op": "set_model", "model": "m", **scope},
            {"op": "raise_budget", "to_micros": random.choice([0, 1000, 10**6]), **scope},
            {"op": "set_result", "step_id": step_id, "result": "by hand"},
        ]
    )


def some(random: Random, keys: list[str]) -> list[str]:
    """Up to three of them, in any order."""
    return random.sample(keys, k=min(len(keys), random.randint(0, 3)))
