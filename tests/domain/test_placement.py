import pytest

from domain.placement import LONG_STEP_S, Placement, runs_as_child
from domain.step import Step, StepKind
from tests.domain.make import step


@pytest.mark.parametrize(
    ("placed", "policy", "child"),
    [
        (step(), Placement.AUTO, False),
        (step(timeout_s=LONG_STEP_S), Placement.AUTO, False),
        (step(timeout_s=LONG_STEP_S + 1), Placement.AUTO, True),
        (step(kind=StepKind.TOOL), Placement.AUTO, True),
        (step(kind=StepKind.RETRIEVE), Placement.AUTO, True),
        (step(), Placement.CHILD, True),
        (step(kind=StepKind.TOOL), Placement.INLINE, False),
        (step(kind=StepKind.HUMAN, timeout_s=10_000), Placement.AUTO, False),
        (step(kind=StepKind.HUMAN), Placement.CHILD, False),
    ],
)
def test_policy_chooses_and_waits_for_people_stay_inline(placed: Step, policy: Placement, child: bool) -> None:
    assert runs_as_child(placed, policy) is child
