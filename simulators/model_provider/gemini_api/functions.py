"""The functions of a request, and how the model is to choose among them."""

from simulators.model_provider.chat import Tool, Toolbox, ToolResult
from simulators.model_provider.errors import ApiError
from simulators.model_provider.fields import read_objects, read_text
from simulators.model_provider.gemini_api.spelling import camel, plain_schema
from simulators.model_provider.json_value import JsonObject, as_list, as_object

_MODES = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")


def read_toolbox(data: JsonObject, results: list[ToolResult]) -> Toolbox | None:
    """Return the functions; raise ApiError for what is none."""
    declared = [
        declaration
        for tool in read_objects(data.get("tools"), "tools")
        for declaration in read_objects(camel(tool).get("functionDeclarations"), "tools.function_declarations")
    ]
    if not declared and not results:
        return None
    tools = tuple(_read_function(camel(item)) for item in declared)
    config = camel(as_object(camel(as_object(data.get("toolConfig")) or {}).get("functionCallingConfig")) or {})
    mode = str(config.get("mode", "AUTO")).upper()
    if mode not in _MODES:
        raise ApiError(400, f'Invalid value at "tool_config.function_calling_config.mode": "{mode}"')
    allowed = as_list(config.get("allowedFunctionNames"))
    return Toolbox(
        tools=tools if allowed is None else tuple(tool for tool in tools if tool.name in allowed),
        forced=mode == "ANY",
        barred=mode == "NONE",
        results=tuple(results),
    )


def _read_function(declaration: JsonObject) -> Tool:
    name = read_text(declaration.get("name"), "function_declarations.name")
    given = as_object(declaration.get("parametersJsonSchema"))
    return Tool(name, given or as_object(plain_schema(declaration.get("parameters"))) or {})
