"""One action as one request: what is sent, and how its result is read."""

import json
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar, cast

import mcp_types as types
from mcp import Client, MCPError
from mcp.shared.dispatcher import ProgressFnT
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, ValidationError

from domain.errors import ToolAnswerInvalid, ToolAnswerTooLarge, ToolNeedsInput
from domain.tools import Action, ActionType
from services.tools.client import uri_templates
from services.tools.client.answers import Progress, told
from services.tools.client.asking import ask
from services.tools.client.errors import bounded

R = TypeVar("R", bound=BaseModel)
OnProgress = Callable[[Progress], None]

PARTS_LIMIT = 2000
"""Content blocks, contents or messages of one result."""

Result = types.CallToolResult | types.ReadResourceResult | types.GetPromptResult


class Call(NamedTuple):
    """What is called, with which arguments, what a structured answer should be, and who hears of its progress."""

    action: Action
    arguments: dict[str, Any]
    output_schema: dict[str, Any] | None = None
    on_progress: OnProgress | None = None


class _Reading(NamedTuple, Generic[R]):
    """How a kind of result is read: its model, and the field that holds its parts."""

    model: type[R]
    parts: str


_TOOL = _Reading(types.CallToolResult, "content")
_RESOURCE = _Reading(types.ReadResourceResult, "contents")
_PROMPT = _Reading(types.GetPromptResult, "messages")


async def send(client: Client, call: Call) -> Result:
    """Send a call's request and return the result.

    Raises:
        ToolNeedsInput: The server asks for more input.
        ToolArgumentsInvalid: The arguments do not fit a resource template.
        ToolAnswerTooLarge: The result has too many parts.
        ToolAnswerInvalid: It is of a kind that the protocol does not know.
    """
    heard = _heard(call.on_progress)
    match call.action.type:
        case ActionType.TOOL:
            return _read(client, _TOOL, await _tool(client, call, heard))
        case ActionType.RESOURCE:
            return _read(client, _RESOURCE, await ask(client, "resources/read", {"uri": address(call)}, heard))
        case ActionType.PROMPT:
            params = {"name": call.action.name, "arguments": _strings(call.arguments)}
            return _read(client, _PROMPT, await ask(client, "prompts/get", params, heard))


async def _tool(client: Client, call: Call, heard: ProgressFnT | None) -> dict[str, Any]:
    """Call a tool; again when the server had refused it because headers should repeat some arguments.

    The SDK knows which ones when it has listed the tool on this connection.
    """
    params = {"name": call.action.name, "arguments": call.arguments}
    try:
        return await ask(client, "tools/call", params, heard)
    except MCPError as error:
        if error.code != types.HEADER_MISMATCH:
            raise
    await client._relist_tool(call.action.name)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as `Client.call_tool` does
    return await ask(client, "tools/call", params, heard)


def _read(client: Client, how: _Reading[R], raw: dict[str, Any]) -> R:
    """Return a result, if it is one."""
    if client.protocol_version in MODERN_PROTOCOL_VERSIONS:
        _check_kind(raw)
    elif not isinstance(raw.get("structuredContent", {}), dict | None):
        raise ToolAnswerInvalid("the answer's structure is no object", may_have_happened=True)
    parts = raw.get(how.parts)
    if isinstance(parts, list) and len(cast("list[object]", parts)) > PARTS_LIMIT:
        raise ToolAnswerTooLarge(f"the answer has over {PARTS_LIMIT:,} parts", may_have_happened=True)
    return how.model.model_validate(raw, by_name=False)


def _check_kind(raw: dict[str, Any]) -> None:
    """Refuse a result that is none yet, or of a kind that only the server knows."""
    kind = raw.get("resultType", "complete")
    if kind == "input_required":
        raise ToolNeedsInput(_question(raw))
    if kind != "complete":
        raise ToolAnswerInvalid("the server's result is of a kind that we do not know", may_have_happened=True)


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


def _question(raw: dict[str, Any]) -> str:
    """Return what the server wants to know, if it says so."""
    try:
        asked = types.InputRequiredResult.model_validate(raw, by_name=False).input_requests or {}
    except ValidationError:
        asked = {}
    for request in asked.values():
        if isinstance(request, types.ElicitRequest):
            return f"the server asks: {bounded(request.params.message)}"
    return "the server asks for more input in mid-call"
