"""From a document to its answer: a value for the tasks that are answered in JSON, a text for the others."""

from typing import Any, assert_never

from domain.documents import EvaluateDocument, PlanDocument, StepDocument, SynthesizeDocument, UnderstandDocument
from simulators.model_provider.documents import Document
from simulators.model_provider.rules.evaluate import evaluate
from simulators.model_provider.rules.languages import detect
from simulators.model_provider.rules.plan import plan
from simulators.model_provider.rules.step import step
from simulators.model_provider.rules.synthesize import synthesize
from simulators.model_provider.rules.understand import understand

_READ = 20_000


def answer_document(document: Document) -> dict[str, Any] | str:
    """Return the answer to one of the product's documents."""
    match document:
        case UnderstandDocument():
            return understand(document)
        case PlanDocument():
            return plan(document)
        case StepDocument():
            return step(document)
        case EvaluateDocument():
            return evaluate(document)
        case SynthesizeDocument():
            return synthesize(document)
        case _:
            assert_never(document)


def answer_text(text: str) -> str:
    """Return the answer to any other message: the same work as for a step, on the message itself."""
    prompt = text[:_READ].encode(errors="replace").decode()  # JSON may carry lone surrogates
    if not prompt.strip():
        prompt = "?"
    return step(StepDocument(step_id="chat", prompt=prompt, language=detect(prompt)))
