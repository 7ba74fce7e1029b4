"""docs/model-documents.md says the truth: its documents are valid, and the simulated model answers as shown."""

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from domain.documents import PlannedSteps, Understanding, Verdict
from simulators.model_provider.documents import read_document
from simulators.model_provider.rules.answers import answer_document

PAGE = Path(__file__).parents[2] / "docs" / "model-documents.md"
FENCE = re.compile(r"```(json|text)\n(.*?)\n```", re.DOTALL)
ANSWERS: dict[str, type[BaseModel]] = {"understand": Understanding, "plan": PlannedSteps, "evaluate": Verdict}
FENCES: list[tuple[str, str]] = FENCE.findall(PAGE.read_text())
EXAMPLES = list(zip(FENCES[0::2], FENCES[1::2], strict=True))


def test_every_task_has_an_example() -> None:
    tasks = {json.loads(document)["task"] for (_, document), _ in EXAMPLES}
    assert tasks == {"understand", "plan", "step", "evaluate", "synthesize"}


@pytest.mark.parametrize(("document", "answer"), EXAMPLES)
def test_an_example_is_what_the_model_answers(document: tuple[str, str], answer: tuple[str, str]) -> None:
    read, error = read_document(document[1])
    assert error is None
    assert read is not None
    given = answer_document(read)
    if answer[0] == "text":
        assert given == answer[1]
        return
    assert (json.loads(given) if isinstance(given, str) else given) == json.loads(answer[1])
    if read.task in ANSWERS:
        ANSWERS[read.task].model_validate(given)
