"""Judging a step's result: what a rule can decide, and how a model's verdict is read."""

import json
from typing import Literal

from pydantic import Field

from domain.documents import Verdict
from domain.value import Value


class Expectation(Value):
    """What a rule checks: the answer's form, its length in characters, and words it must have (case-insensitive)."""

    format: Literal["text", "json"] = "text"
    min_chars: int = Field(default=1, ge=0, le=100_000)
    contains: tuple[str, ...] = Field(default=(), max_length=20)


class Evaluation(Value):
    """Whether a result is good enough (S1's StepEvaluation) and who said so."""

    success: bool
    reason: str = ""
    needs_adjustment: bool = False
    by: Literal["rule", "model"] = "rule"


class Answer(Value):
    """A model's answer as a rule sees it. `finish_reason` is the OpenAI API's: stop, length, content_filter."""

    text: str
    finish_reason: str = "stop"
    refused: bool = False


def by_rule(answer: Answer, expects: Expectation | None) -> Evaluation:
    """Judge by rules alone: refused, empty, cut, or not as expected fails; anything else succeeds."""
    failure = _failure(answer, expects or Expectation())
    if failure is None:
        return Evaluation(success=True)
    return Evaluation(success=False, reason=failure, needs_adjustment=answer.refused)


def _failure(answer: Answer, expects: Expectation) -> str | None:
    if answer.refused:
        return "the model refused to answer"
    if not answer.text.strip():
        return "the answer is empty"
    if answer.finish_reason == "length":
        return "the answer was cut at its length limit"
    if len(answer.text) < expects.min_chars:
        return f"the answer is shorter than {expects.min_chars} characters"
    missing = [word for word in expects.contains if word.lower() not in answer.text.lower()]
    if missing:
        return f"the answer lacks: {', '.join(missing)}"
    if expects.format == "json" and not _is_json(answer.text):
        return "the answer is not valid JSON"
    return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def by_model(verdict: Verdict) -> Evaluation:
    """Read a model's verdict.

    One that contradicts itself (a success that needs adjustment) counts as a success with a note: the result passed
    every rule, and money is not burnt on an evaluator that does not know.
    """
    if verdict.success and verdict.needs_adjustment:
        return Evaluation(success=True, reason="the evaluator contradicted itself", by="model")
    return Evaluation(
        success=verdict.success, reason=verdict.reason, needs_adjustment=verdict.needs_adjustment, by="model"
    )


def undecided(reason: str) -> Evaluation:
    """Accept a result that passed every rule although the evaluator gave no usable verdict; `reason` says why."""
    return Evaluation(success=True, reason=f"no verdict: {reason}", by="rule")
