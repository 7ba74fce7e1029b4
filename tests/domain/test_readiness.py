import pytest

from domain.content import Text
from domain.readiness import CONDITION_NOTE, Readiness, Verdict, judge
from domain.step import Step, StepRun, StepStatus
from tests.domain.make import step

WAIT, READY = Verdict(Readiness.WAIT), Verdict(Readiness.READY)
FALSE = Verdict(Readiness.SKIP, CONDITION_NOTE)
CHECK = Verdict(Readiness.CHECK)
INLINE, LONG, REF = Text.inline("yes"), Text.inline("x" * 1025), Text(ref="sha256:00", size=5000)
AFTER_A = step("b", "a")
IF_A_FAILED = step("b", "a", condition="steps.a.status == 'failed'")
IF_A_SAYS_YES = step("b", "a", condition="steps.a.result == 'yes'")


@pytest.mark.parametrize(
    ("judged", "status", "result", "verdict"),
    [
        (step("b"), StepStatus.PENDING, None, READY),
        (step("b", condition="true"), StepStatus.PENDING, None, READY),
        (step("b", condition="1 > 2"), StepStatus.PENDING, None, FALSE),
        (AFTER_A, StepStatus.PENDING, None, WAIT),
        (AFTER_A, StepStatus.RUNNING, None, WAIT),
        (AFTER_A, StepStatus.WAITING, None, WAIT),
        (AFTER_A, StepStatus.SUCCEEDED, INLINE, READY),
        (AFTER_A, StepStatus.ACCEPTED, INLINE, READY),
        (AFTER_A, StepStatus.FAILED, INLINE, Verdict(Readiness.SKIP, "no result from a")),
        (AFTER_A, StepStatus.SKIPPED, None, Verdict(Readiness.SKIP, "no result from a")),
        (AFTER_A, StepStatus.CANCELLED, None, Verdict(Readiness.SKIP, "no result from a")),
        (IF_A_FAILED, StepStatus.RUNNING, None, WAIT),
        (IF_A_FAILED, StepStatus.FAILED, None, READY),
        (IF_A_FAILED, StepStatus.SUCCEEDED, REF, FALSE),
        (IF_A_SAYS_YES, StepStatus.SUCCEEDED, INLINE, READY),
        (IF_A_SAYS_YES, StepStatus.FAILED, INLINE, FALSE),
        (IF_A_SAYS_YES, StepStatus.FAILED, REF, FALSE),
        (IF_A_SAYS_YES, StepStatus.SUCCEEDED, REF, CHECK),
        (IF_A_SAYS_YES, StepStatus.SUCCEEDED, LONG, CHECK),
        (IF_A_SAYS_YES, StepStatus.SUCCEEDED, None, FALSE),
    ],
)
def test_step_starts_when_its_dependencies_and_condition_allow(
    judged: Step, status: StepStatus, result: Text | None, verdict: Verdict
) -> None:
    runs = {"a": StepRun(status=status, result=result), "b": StepRun()}
    assert judge(judged, runs, {}) == verdict


@pytest.mark.parametrize(("holds", "verdict"), [(True, READY), (False, FALSE)])
def test_condition_checked_elsewhere_counts(holds: bool, verdict: Verdict) -> None:  # a table's column
    runs = {"a": StepRun(status=StepStatus.SUCCEEDED, result=REF), "b": StepRun()}
    assert judge(IF_A_SAYS_YES, runs, {"b": holds}) == verdict
