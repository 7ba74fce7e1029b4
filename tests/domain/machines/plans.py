"""Strategies: plans, results, drafts and amendments, right ones and wrong ones, over a small pool of step ids."""

from typing import Any

from hypothesis import strategies as st

from domain.content import Text
from domain.evaluation import Evaluation
from domain.request import Caps
from domain.run_state import RunState
from domain.step import Step, StepKind, StepResult, StepStatus

IDS = tuple(f"s{number}" for number in range(8))
ids = st.sampled_from(IDS)
kinds = st.sampled_from([StepKind.GENERATE, StepKind.GENERATE, StepKind.HUMAN, StepKind.REQUEST])
small_money = st.none() | st.sampled_from([0, 1, 50, 10_000])
texts = st.sampled_from(
    [Text.inline("yes"), Text.inline("x" * 2000), Text(ref="sha256:00", size=9999), Text.inline('{"ok": true}')]
)
caps = st.builds(Caps, window=st.sampled_from([1, 2, 3, 20]), max_replans=st.integers(0, 3), max_steps=st.just(12))


def conditions(depends_on: list[str]) -> st.SearchStrategy[str | None]:
    """Conditions over the steps that a step depends on, and some over none."""
    if not depends_on:
        return st.sampled_from([None, None, "true", "1 > 2"])
    names = st.sampled_from(depends_on)
    return st.one_of(
        st.none(),
        st.builds("steps.{}.status == '{}'".format, names, st.sampled_from(["succeeded", "failed", "skipped"])),
        st.builds("steps.{}.result contains 'x'".format, names),
        st.builds("steps.{}.result.ok or steps.{}.status != 'succeeded'".format, names, names),
    )


@st.composite
def plans(draw: st.DrawFn) -> tuple[Step, ...]:
    """Plans that admission takes: acyclic, in any order."""
    count = draw(st.integers(1, 6))
    steps = [draw(_step(IDS[number], IDS[:number])) for number in range(count)]
    return tuple(draw(st.permutations(steps)))


@st.composite
def _step(draw: st.DrawFn, step_id: str, earlier: tuple[str, ...]) -> Step:
    depends_on = draw(st.lists(st.sampled_from(earlier), max_size=3)) if earlier else []
    return Step(
        id=step_id,
        kind=draw(kinds),
        prompt=Text.inline("do it"),
        depends_on=tuple(depends_on),
        condition=draw(conditions(depends_on)),
        max_retries=draw(st.integers(0, 3)),
        budget_micros=draw(small_money),
    )


@st.composite
def drafts(draw: st.DrawFn, kept: tuple[str, ...]) -> tuple[Step, ...]:
    """What a planner may draft on a replan: right ones, and ones that cross the steps that stay."""
    free = [name for name in IDS if name not in kept]
    names = draw(
        st.lists(st.sampled_from(draw(st.sampled_from([free or list(IDS), list(IDS)]))), max_size=3, unique=True)
    )
    return tuple(draw(_step(name, (*kept, *names[:index]))) for index, name in enumerate(names))


@st.composite
def results(draw: st.DrawFn, most_micros: int) -> StepResult:
    """How a launch may end, at a cost within `most_micros`."""
    status = draw(st.sampled_from([StepStatus.FAILED, *(status for status in StepStatus if status.is_end)]))
    adjust = draw(st.sampled_from([True, True, False]))
    evaluation = None if status is StepStatus.SUCCEEDED else Evaluation(success=False, needs_adjustment=adjust)
    return StepResult(
        status=status,
        text=draw(st.none() | texts),
        evaluation=evaluation,
        note=draw(st.sampled_from([None, "why"])),
        cost_micros=draw(st.integers(0, most_micros)),
    )


def edits(state: RunState) -> st.SearchStrategy[dict[str, Any]]:
    """Edits of a running plan, most of them about steps that are there."""
    known = st.sampled_from([*state.runs, *state.runs, *IDS])
    free = st.sampled_from([step_id for step_id in IDS if step_id not in state.runs] or list(IDS))
    after = st.lists(known, max_size=2)
    return st.one_of(
        _edit("add", step=st.fixed_dictionaries({"id": free, "prompt": st.just("more"), "depends_on": after})),
        _edit("drop", step_id=known, dependents=st.sampled_from(["drop", "detach"])),
        _edit("rewire", step_id=known, depends_on=after),
        _edit("retime", step_id=known, timeout_s=st.sampled_from([5, 60, 1e9])),
        _edit("retime", deadline=st.builds("2026-11-21T{:02}:00:00Z".format, st.integers(0, 23))),
        _edit("set_prompt", step_id=known, prompt=st.sampled_from(["", "p", "q"])),
        _edit("set_model", step_id=st.none() | known, model=st.just("m")),
        _edit("raise_budget", step_id=st.none() | known, to_micros=st.sampled_from([0, 1000, 10**6])),
        _edit("set_result", step_id=known, result=st.just("by hand")),
    )


def _edit(op: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"op": st.just(op), **fields})
