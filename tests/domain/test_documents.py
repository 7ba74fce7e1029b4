import pytest
from pydantic import BaseModel, ValidationError

from domain.documents import (
    EvaluateDocument,
    PlanDocument,
    PlannedSteps,
    StepDocument,
    SynthesizeDocument,
    UnderstandDocument,
    Understanding,
    Verdict,
)

UNDERSTANDING = Understanding(intent="chat", detailed_description="say hello")


def test_each_document_names_its_task() -> None:
    documents: list[BaseModel] = [
        UnderstandDocument(message="hi"),
        PlanDocument(message="hi", understanding=UNDERSTANDING, kinds=("generate",), max_steps=3),
        StepDocument(step_id="a", prompt="p", language="en"),
        EvaluateDocument(step_id="a", prompt="p", result="r"),
        SynthesizeDocument(message="hi", language="en", results=()),
    ]
    tasks = [document.model_dump()["task"] for document in documents]
    assert tasks == ["understand", "plan", "step", "evaluate", "synthesize"]


def test_what_a_model_adds_is_ignored() -> None:
    verdict = Verdict.model_validate({"success": True, "confidence": 0.9})
    assert verdict == Verdict(success=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"intent": "x"},
        {"intent": "x" * 201, "detailed_description": "d"},
        {"intent": "x", "detailed_description": "\ud800"},
        {"intent": "x", "detailed_description": "d", "required_agents": ["\ud800"]},
        {"intent": "x", "detailed_description": "d", "entities": [{"type": "t", "value": "v" * 1001}]},
    ],
)
def test_wrong_understanding_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Understanding.model_validate(wrong)


@pytest.mark.parametrize("wrong", [{"steps": "none"}, {"steps": ["a"]}, {"steps": None}, {}])
def test_draft_without_a_list_of_objects_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        PlannedSteps.model_validate(wrong)
