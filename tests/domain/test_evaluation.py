import pytest

from domain.documents import Verdict
from domain.evaluation import Answer, Evaluation, Expectation, by_model, by_rule, undecided


@pytest.mark.parametrize(
    ("answer", "expects", "reason"),
    [
        (Answer(text="fine"), None, ""),
        (Answer(text=""), None, "the answer is empty"),
        (Answer(text=" \n"), None, "the answer is empty"),
        (Answer(text="half", finish_reason="length"), None, "the answer was cut at its length limit"),
        (Answer(text="no", refused=True), None, "the model refused to answer"),
        (Answer(text="four"), Expectation(min_chars=4), ""),
        (Answer(text="four"), Expectation(min_chars=5), "the answer is shorter than 5 characters"),
        (Answer(text="Red and BLUE"), Expectation(contains=("red", "Blue")), ""),
        (Answer(text="Red"), Expectation(contains=("red", "blue", "x")), "the answer lacks: blue, x"),
        (Answer(text='{"a": 1}'), Expectation(format="json"), ""),
        (Answer(text="{a: 1}"), Expectation(format="json"), "the answer is not valid JSON"),
        (Answer(text="[" * 100_000), Expectation(format="json"), "the answer is not valid JSON"),
        (Answer(text="1" * 5000), Expectation(format="json"), "the answer is not valid JSON"),
    ],
)
def test_rule_decides(answer: Answer, expects: Expectation | None, reason: str) -> None:
    evaluation = by_rule(answer, expects)
    assert (evaluation.success, evaluation.reason, evaluation.by) == (not reason, reason, "rule")


def test_refusal_needs_another_plan_and_a_short_answer_does_not() -> None:
    assert by_rule(Answer(text="", refused=True), None).needs_adjustment
    assert not by_rule(Answer(text=""), None).needs_adjustment


@pytest.mark.parametrize(
    ("verdict", "evaluation"),
    [
        (Verdict(success=True, reason="good"), Evaluation(success=True, reason="good", by="model")),
        (Verdict(success=False, reason="bad"), Evaluation(success=False, reason="bad", by="model")),
        (
            Verdict(success=False, needs_adjustment=True),
            Evaluation(success=False, needs_adjustment=True, by="model"),
        ),
        (
            Verdict(success=True, reason="bad", needs_adjustment=True),
            Evaluation(success=True, reason="the evaluator contradicted itself", by="model"),
        ),
    ],
)
def test_verdict_that_contradicts_itself_counts_as_success_with_a_note(
    verdict: Verdict, evaluation: Evaluation
) -> None:
    assert by_model(verdict) == evaluation


def test_result_without_a_usable_verdict_is_taken_and_says_so() -> None:
    assert undecided("no JSON") == Evaluation(success=True, reason="no verdict: no JSON", by="rule")
