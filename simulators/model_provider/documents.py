"""Finding the product's document in a user message."""

import json

from pydantic import ValidationError

from domain.documents import EvaluateDocument, PlanDocument, StepDocument, SynthesizeDocument, UnderstandDocument
from simulators.model_provider.json_value import JsonObject, as_object

Document = UnderstandDocument | PlanDocument | StepDocument | EvaluateDocument | SynthesizeDocument

_BY_TASK: dict[str, type[Document]] = {
    "understand": UnderstandDocument,
    "plan": PlanDocument,
    "step": StepDocument,
    "evaluate": EvaluateDocument,
    "synthesize": SynthesizeDocument,
}


def read_document(text: str) -> tuple[Document | None, str | None]:
    """Return the document a message is, or why one that names a task is no valid document; else (None, None)."""
    data = _read_object(text)
    model = _BY_TASK.get(str(data.get("task")))
    if model is None:
        return None, None
    try:
        return model.model_validate(data), None
    except ValidationError as error:
        return None, "; ".join(_sentence(item["loc"], item["msg"]) for item in error.errors(include_input=False)[:5])


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(str(part) for part in location)}: {message}"


def _read_object(text: str) -> JsonObject:
    if not text.lstrip().startswith("{"):
        return {}
    try:
        return as_object(json.loads(text)) or {}
    except (ValueError, RecursionError):
        return {}
