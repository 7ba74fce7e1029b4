import json
from collections import Counter
from random import Random

import pytest
from pydantic import TypeAdapter

from domain.admission import admit
from domain.drafts import read_steps
from domain.outcomes import begin_plan
from domain.plan import Plan
from domain.run_state import RunState
from domain.step import Step
from tests.domain.machines import hostile, plans
from tests.domain.machines.play import play_to_end
from tests.domain.make import CAPS, NOW

STEPS = TypeAdapter(tuple[Step, ...])


def fate(draft: hostile.Draft, random: Random) -> str:
    """Read, admit and run a draft; return what became of it."""
    steps, problems = read_steps(draft, CAPS.max_steps)
    problems = problems or admit(steps, CAPS)
    if problems:
        assert len(problems) <= 20
        assert len(json.dumps([problem.model_dump() for problem in problems]).encode()) < 256 * 1024
        return "refused"
    state = RunState(started_at=NOW, budget_micros=random.choice([None, 100_000]))
    begin_plan(state, Plan(steps=STEPS.validate_json(STEPS.dump_json(steps))))
    play_to_end(state, CAPS, lambda _: plans.result(random, 0))
    assert all(run.status.is_end for run in state.runs.values())
    return "ran to its end"


def fates(seeds: range) -> Counter[str]:
    randoms = (Random(seed) for seed in seeds)
    return Counter(fate(hostile.draft(random), random) for random in randoms)


def test_hostile_draft_is_refused_or_runs_to_its_end() -> None:
    counted = fates(range(3000))
    assert counted["refused"] > 1000
    assert counted["ran to its end"] > 500


@pytest.mark.long
def test_many_hostile_drafts_are_refused_or_run_to_their_end() -> None:
    fates(range(10_000, 200_000))


@pytest.mark.parametrize("name", hostile.ID_TRICKS, ids=lambda name: ascii(name)[:12])
def test_no_trick_makes_an_id(name: str) -> None:
    assert fate(({"id": name, "prompt": "p"},), Random(0)) == "refused"
    assert (
        fate(({"id": "s0", "prompt": "p"}, {"id": "s1", "prompt": "p", "depends_on": [name]}), Random(0)) == "refused"
    )
