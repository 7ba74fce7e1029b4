"""Tools of the OpenAI API as Anthropic's, and the tool by which a model answers in JSON where it takes no schema."""

from collections.abc import Mapping
from typing import Any

from domain.json_fields import object_of, objects_of, text_of

ANSWER_TOOL = "longhaul_answer"
"""The name of the tool whose input is the answer."""

_CHOICES = {"auto": "auto", "none": "none", "required": "any"}
_NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
_KEPT = ("cache_control", "defer_loading", "eager_input_streaming", "input_examples", "allowed_callers")


def tool_fields(body: Mapping[str, Any], answer_schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return `tools` and `tool_choice`, nothing where there are no tools.

    Args:
        body: The OpenAI API's.
        answer_schema: The input of the answer tool, None: no such tool is wanted.
    """
    tools = [_tool(tool) for tool in objects_of(body.get("tools"))]
    choice: dict[str, Any] = _choice(body)
    if answer_schema is not None:
        choice = {"type": "any"} if tools else {"type": "tool", "name": ANSWER_TOOL}
        choice |= {"disable_parallel_tool_use": True}
        answer = {"name": ANSWER_TOOL, "description": "Give your answer.", "input_schema": answer_schema}
        tools.append(answer)
    if not tools:
        return {}
    return {"tools": tools} | ({"tool_choice": choice} if choice else {})


def forced(fields: Mapping[str, Any]) -> bool:
    """Return whether a tool must be used: models do not think then."""
    return object_of(fields.get("tool_choice")).get("type") in ("any", "tool")


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = tool.get("function")
    if not isinstance(function, dict):
        return dict(tool)  # a tool of Anthropic's own
    told = object_of(tool["function"])
    fields: dict[str, Any] = {"name": text_of(told.get("name")), "input_schema": told.get("parameters") or _NOTHING}
    if told.get("description"):
        fields["description"] = told["description"]
    if told.get("strict"):
        fields["strict"] = True
    return fields | {name: tool[name] for name in _KEPT if name in tool}


def _choice(body: Mapping[str, Any]) -> dict[str, Any]:
    asked = body.get("tool_choice")
    choice: dict[str, Any] = {}
    if isinstance(asked, str) and asked in _CHOICES:
        choice = {"type": _CHOICES[asked]}
    elif isinstance(asked, dict):
        choice = _named(object_of(body.get("tool_choice")))
    if body.get("parallel_tool_calls") is False and choice.get("type") != "none":
        choice = {"type": "auto", **choice, "disable_parallel_tool_use": True}
    return choice


def _named(asked: Mapping[str, Any]) -> dict[str, Any]:
    if asked.get("type") == "function":
        return {"type": "tool", "name": text_of(object_of(asked.get("function")).get("name"))}
    if asked.get("type") == "allowed_tools":
        mode = text_of(object_of(asked.get("allowed_tools")).get("mode"))
        return {"type": _CHOICES.get(mode, "auto")}
    return dict(asked)  # Anthropic's own form
