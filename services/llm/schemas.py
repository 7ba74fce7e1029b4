"""The JSON schemas of what models are asked for, from the models in `domain.documents`."""

from typing import Any, cast

from domain.documents import PlannedSteps, Understanding, Verdict
from domain.step import Step
from services.llm.chat import JsonSchema

_FOR_US = ("title", "description", "default")
"""Keywords that cost tokens and tell a model nothing that the prompt does not."""


def understanding() -> JsonSchema:
    """The schema of an understanding."""
    return JsonSchema("understanding", _lean(Understanding.model_json_schema()))


def verdict() -> JsonSchema:
    """The schema of a verdict."""
    return JsonSchema("verdict", _lean(Verdict.model_json_schema()))


def planned_steps() -> JsonSchema:
    """The schema of a draft: steps as `domain.step.Step` has them, their prompts as plain text."""
    schema, step = PlannedSteps.model_json_schema(), Step.model_json_schema()
    definitions: dict[str, Any] = step.pop("$defs")
    del definitions["Text"], step["additionalProperties"]
    step["properties"]["prompt"] = {"type": "string"}
    schema["properties"]["steps"]["items"] = {"$ref": "#/$defs/Step"}
    schema["$defs"] = {**definitions, "Step": step}
    return JsonSchema("plan", _lean(schema))


def _lean(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop what is only for us, at every level; the names of properties are no keywords."""
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            result[key] = {name: _lean(field) for name, field in value.items()}
        elif key not in _FOR_US:
            result[key] = _lean_value(value)
    return result


def _lean_value(value: object) -> object:
    if isinstance(value, dict):
        return _lean(cast("dict[str, Any]", value))
    return [_lean_value(item) for item in cast("list[object]", value)] if isinstance(value, list) else value
