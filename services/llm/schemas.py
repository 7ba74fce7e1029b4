"""The JSON schemas of what models are asked for, from the models in `domain.documents`."""

from typing import Any

from domain.documents import PlannedSteps, Understanding, Verdict
from domain.schema_view import without
from domain.step import Step
from services.llm.chat import JsonSchema

_PINNED = ("Text", "Pin", "CapabilityKind", "Effect")
"""Definitions of what no planner writes."""
_FOR_US = ("title", "description", "default")
"""Keywords that cost tokens and tell a model nothing that the prompt does not."""


def understanding() -> JsonSchema:
    """The schema of an understanding."""
    return JsonSchema("understanding", without(Understanding.model_json_schema(), _FOR_US))


def verdict() -> JsonSchema:
    """The schema of a verdict."""
    return JsonSchema("verdict", without(Verdict.model_json_schema(), _FOR_US))


def planned_steps() -> JsonSchema:
    """The schema of a draft: steps as `domain.step.Step` has them, their prompts as plain text."""
    schema, step = PlannedSteps.model_json_schema(), Step.model_json_schema()
    definitions: dict[str, Any] = step.pop("$defs")
    del step["additionalProperties"], step["properties"]["pin"]
    step["properties"]["prompt"] = {"type": "string"}
    schema["properties"]["steps"]["items"] = {"$ref": "#/$defs/Step"}
    schema["$defs"] = {name: field for name, field in definitions.items() if name not in _PINNED} | {"Step": step}
    return JsonSchema("plan", without(schema, _FOR_US))
