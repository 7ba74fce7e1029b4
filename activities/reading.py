"""Reading what coordinator models answer: whatever they say, something usable or a stated problem comes out."""

from pydantic import ValidationError

from contracts.calls import DraftPlan
from domain.documents import PlannedSteps, Understanding, Verdict
from domain.drafts import problems_of, read_steps
from domain.errors import Problem
from domain.evaluation import Evaluation, by_model, undecided
from services.llm.assignment import CallResult
from services.llm.json_answers import read_object

DRAFT_LIMIT = 64 * 1024
"""Bytes that a planner's answer may have."""
STEPS_LIMIT = 200
_DESCRIPTION_CHARS = 20_000


def understanding(answer: CallResult, message: str, language: str | None) -> Understanding:
    """Read an understanding; one that cannot be read becomes a safe one: not simple, clear, the message as it stands.

    Args:
        answer: What the model said.
        message: The user's message.
        language: The language the user chose, which wins over the model's finding.
    """
    data = read_object(answer.text)
    read = _understanding(data) if data is not None and not answer.refused else None
    if read is None:
        return Understanding(
            intent="unknown", detailed_description=message[:_DESCRIPTION_CHARS], language=language or "en"
        )
    return read if language is None else read.model_copy(update={"language": language})


def _understanding(data: dict[str, object]) -> Understanding | None:
    """Read field by field what can be read: nothing in it is worth more than going on."""
    try:
        return Understanding.model_validate({key: value for key, value in data.items() if value is not None})
    except ValidationError:
        return None


def draft(answer: CallResult, max_steps: int) -> DraftPlan:
    """Read a planner's draft; what cannot be read comes back as problems, for a repair."""
    if len(answer.text.encode()) > DRAFT_LIMIT:
        return _refused("draft_too_long", f"a plan has at most {DRAFT_LIMIT} bytes of JSON")
    if answer.refused:
        return _refused("draft_refused", "the model refused to plan")
    data = read_object(answer.text)
    if data is None and answer.finish_reason == "length":
        return _refused("draft_too_long", "the draft was cut at its length limit")
    if data is None:
        return _refused("draft_not_json", "the draft is not a JSON object")
    try:
        planned = PlannedSteps.model_validate(data)
    except ValidationError as error:
        return DraftPlan(problems=problems_of(error, ""))
    steps, problems = read_steps(planned.steps, min(max_steps, STEPS_LIMIT))
    return DraftPlan(steps=steps, problems=problems)


def verdict(answer: CallResult) -> Evaluation:
    """Read a verdict; without a usable one the result, which passed every rule, is accepted."""
    data = read_object(answer.text)
    if data is None or answer.refused:
        return undecided("the evaluator's answer is not a JSON object")
    try:
        return by_model(Verdict.model_validate(data))
    except ValidationError:
        return undecided("the evaluator's answer is no verdict")


def _refused(code: str, message: str) -> DraftPlan:
    return DraftPlan(problems=(Problem(code=code, path="", message=message),))
