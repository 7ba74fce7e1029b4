"""One action as one request: what is sent, and how its result is read."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import mcp_types as types
from mcp import Client, MCPError
from mcp.shared.dispatcher import ProgressFnT
from pydantic import TypeAdapter

from domain.errors import ToolNeedsInput
from domain.tools import Action, ActionType
from services.tools import uri_templates
from services.tools.answers import Progress, told
from services.tools.errors import bounded

OnProgress = Callable[[Progress], None]

_TOOL: TypeAdapter[types.CallToolResult | types.InputRequiredResult] = TypeAdapter(
    types.CallToolResult | types.InputRequiredResult
)
_RESOURCE: TypeAdapter[types.ReadResourceResult | types.InputRequiredResult] = TypeAdapter(
    types.ReadResourceResult | types.InputRequiredResult
)
_PROMPT: TypeAdapter[types.GetPromptResult | types.InputRequiredResult] = TypeAdapter(
    types.GetPromptResult | types.InputRequiredResult
)
Result = types.CallToolResult | types.ReadResourceResult | types.GetPromptResult


class Call(NamedTuple):
    """What is called, with which arguments, what a structured answer should be, and who hears of its progress."""

    action: Action
    arguments: dict[str, Any]
    output_schema: dict[str, Any] | None = None
    on_progress: OnProgress | None = None


async def send(client: Client, call: Call) -> Result:
    """Send a call's request and return the result.

    The request goes through the session and not through `Client.call_tool`, which checks the answer by the server's
    own schema with regular expressions that may never end, and loses an answer that does not pass.

    Raises:
        ToolNeedsInput: The server asks for more input.
        ToolArgumentsInvalid: The arguments do not fit a resource template.
    """
    session = client.session
    result: Result | types.InputRequiredResult
    heard = _heard(call.on_progress)
    match call.action.type:
        case ActionType.TOOL:
            result = await _tool(client, call.action.name, call.arguments, heard)
        case ActionType.RESOURCE:
            resource = types.ReadResourceRequestParams(uri=address(call))
            result = await session.send_request(
                types.ReadResourceRequest(params=resource), _RESOURCE, progress_callback=heard
            )
        case ActionType.PROMPT:
            prompt = types.GetPromptRequestParams(name=call.action.name, arguments=_strings(call.arguments))
            result = await session.send_request(types.GetPromptRequest(params=prompt), _PROMPT, progress_callback=heard)
    if isinstance(result, types.InputRequiredResult):
        raise ToolNeedsInput(_question(result))
    return result


async def _tool(
    client: Client, name: str, arguments: dict[str, Any], heard: ProgressFnT | None
) -> types.CallToolResult | types.InputRequiredResult:
    """Call a tool; again when the server had refused it because headers should repeat some arguments.

    The SDK knows which ones when it has listed the tool on this connection.
    """
    request = types.CallToolRequest(params=types.CallToolRequestParams(name=name, arguments=arguments))
    try:
        return await client.session.send_request(request, _TOOL, progress_callback=heard)
    except MCPError as error:
        if error.code != types.HEADER_MISMATCH:
            raise
    await client._relist_tool(name)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as `Client.call_tool` does
    return await client.session.send_request(request, _TOOL, progress_callback=heard)


def address(call: Call) -> str:
    """Return the URI of a resource's call.

    Raises:
        ToolArgumentsInvalid: The arguments do not fit the template.
        ToolRefused: The template is not supported.
    """
    if uri_templates.is_template(call.action.name):
        return uri_templates.expand(call.action.name, call.arguments)
    return call.action.name


def _heard(on_progress: OnProgress | None) -> ProgressFnT | None:
    if on_progress is None:
        return None

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        on_progress(told(progress, total, message))

    return heard


def _strings(arguments: dict[str, Any]) -> dict[str, str]:
    """Return a prompt's arguments, which are texts in the protocol."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()}


def _question(result: types.InputRequiredResult) -> str:
    """Return what the server wants to know, if it says so."""
    for request in (result.input_requests or {}).values():
        if isinstance(request, types.ElicitRequest):
            return f"the server asks: {bounded(request.params.message)}"
    return "the server asks for more input in mid-call"
