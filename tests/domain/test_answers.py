import pytest

from domain.answers import Part, join, only_result
from domain.outcomes import settle
from domain.step import StepKind, StepResult, StepStatus
from tests.domain.make import CAPS, accepted, failed, launches, plan, running, step, succeeded


@pytest.mark.parametrize(
    ("result", "is_answer"),
    [(succeeded(), True), (accepted(), False), (failed(), False)],
    ids=lambda case: str(case)[:9],
)
def test_single_success_is_the_answer(result: StepResult, is_answer: bool) -> None:
    state = running(step("a"))
    launches(state)
    settle(state, "a", 1, result, CAPS)
    assert (only_result(plan(step("a")), state.runs) == step("a")) is is_answer


def test_two_steps_or_a_reply_of_a_person_are_no_answer_by_themselves() -> None:
    assert only_result(plan(step("a"), step("b")), running(step("a"), step("b")).runs) is None
    human = step("a", kind=StepKind.HUMAN)
    assert only_result(plan(human), running(human).runs) is None


def test_joined_answer_tells_each_failure_plainly() -> None:
    parts = [
        Part("write", StepStatus.SUCCEEDED, "text", None),
        Part("check", StepStatus.ACCEPTED, "guess", "too short"),
        Part("prove", StepStatus.ACCEPTED, "guess", None),
        Part("send", StepStatus.FAILED, None, "no network"),
        Part("sing", StepStatus.SKIPPED, None, None),
    ]
    assert join(parts) == (
        "text\n\nguess\n[not verified: too short]\n\nguess\n[not verified: the evaluation did not pass]\n\n"
        "[failed] send: no network\n\n[skipped] sing: no result"
    )
    assert join([]) == ""
