"""Tools of the OpenAI API as Gemini's function declarations."""

from collections.abc import Mapping
from typing import Any

from domain.json_fields import object_of, objects_of, text_of

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def tool_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return `tools` and `toolConfig`, nothing where there are no tools. Gemini's own tools are taken as they are."""
    asked = objects_of(body.get("tools"))
    declared = [_declaration(object_of(tool["function"])) for tool in asked if isinstance(tool.get("function"), dict)]
    own = [tool for tool in asked if not isinstance(tool.get("function"), dict)]
    tools = ([{"functionDeclarations": declared}] if declared else []) + own
    if not tools:
        return {}
    config = _config(body.get("tool_choice"))
    return {"tools": tools} | ({"toolConfig": {"functionCallingConfig": config}} if config else {})


def _declaration(function: Mapping[str, Any]) -> dict[str, Any]:
    declared: dict[str, Any] = {"name": text_of(function.get("name"))}
    if function.get("description"):
        declared["description"] = function["description"]
    if function.get("parameters"):
        declared["parametersJsonSchema"] = function["parameters"]
    return declared


def _config(asked: object) -> dict[str, Any]:
    if isinstance(asked, str):
        return {"mode": _MODES[asked]} if asked in _MODES else {}
    choice = object_of(asked)
    if choice.get("type") == "function":
        return {"mode": "ANY", "allowedFunctionNames": [text_of(object_of(choice.get("function")).get("name"))]}
    if choice.get("type") == "allowed_tools":
        allowed = object_of(choice.get("allowed_tools"))
        names = [text_of(object_of(tool.get("function")).get("name")) for tool in objects_of(allowed.get("tools"))]
        mode = _MODES.get(text_of(allowed.get("mode")), "AUTO")
        return {"mode": mode, "allowedFunctionNames": names} if mode == "ANY" else {"mode": mode}
    return {}
