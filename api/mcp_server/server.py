"""The protocol's side: the SDK's low-level server with our tools and resources.

The SDK's own decorators would take unknown arguments in silence and answer errors as prose; here both go the routes'
way. Every call ends within a bound.
"""

import logging
import time
from collections.abc import Awaitable, Mapping
from typing import Any, Final, TypeVar

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
)
from starlette.requests import Request

from api.caller import Caller
from api.mcp_server.calls import Call
from api.mcp_server.catalog import TOOLS
from api.mcp_server.refusals import as_error, as_result, bounded, tell
from api.mcp_server.resources import TEMPLATES, list_resources, read_resource
from api.parts import Parts
from api.request_ids import id_of

_INSTRUCTIONS: Final = """Longhaul runs requests: pieces of work, given in plain words, that may take long and survive \
crashes. Usual course: start_request, then wait_for_request until the phase is done, failed or cancelled; the text is \
in `answer`. When a wait returns with questions, ask the person and use reply; with approvals, show the person what \
they are about and use approve. get_plan and amend_plan read and change what it does while it runs. Errors are JSON \
with a stable `code`, a sentence in `detail`, and in `problems` what exactly is wrong."""

_log = logging.getLogger("longhaul.mcp")
T = TypeVar("T")
Context = ServerRequestContext[dict[str, Any], Request]


def build_server(version: str) -> Server[dict[str, Any]]:
    """Return a server whose handlers take parts and caller from the HTTP request they serve."""
    return Server(
        "longhaul",
        version=version,
        title="Longhaul",
        description="Durable LLM work: plans of steps that can be watched, amended, approved and cancelled.",
        instructions=_INSTRUCTIONS,
        get_tool_input_schema=_input_schema,
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
        on_list_resources=_list_resources,
        on_list_resource_templates=_list_templates,
        on_read_resource=_read_resource,
    )


def _input_schema(name: str) -> Mapping[str, Any] | None:
    return TOOLS[name].listed.input_schema if name in TOOLS else None


async def _list_tools(context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
    del params
    caller = _caller(_request(context))
    return ListToolsResult(tools=[tool.listed for tool in TOOLS.values() if caller.may(tool.wants)])


async def _call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
    tool = TOOLS.get(params.name)
    if tool is None:
        raise MCPError(code=INVALID_PARAMS, message=f"Unknown tool: {params.name[:100]}")
    request, began, outcome = _request(context), time.monotonic(), "cancelled"
    call = Call(request, _parts(request), _caller(request), context.session.report_progress)
    try:
        result = await bounded(tool.call(call, params.arguments or {}))
        outcome = "ok"
    except Exception as error:  # noqa: BLE001  the edge: each is told as a problem, the unexpected ones hidden
        document = tell(error, request)
        outcome = document.code
        result = as_result(document)
    finally:
        ms = round((time.monotonic() - began) * 1000, 1)
        line = {"tool": tool.name, "outcome": outcome, "ms": ms, "request_id": id_of(request.scope)}
        _log.info("tool", extra={"fields": line})
    return result


async def _list_resources(context: Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
    request = _request(context)
    cursor = params.cursor if params else None
    return await _or_error(request, list_resources(_parts(request), _caller(request), cursor))


async def _list_templates(context: Context, params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
    del context, params
    return ListResourceTemplatesResult(resource_templates=list(TEMPLATES))


async def _read_resource(context: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
    request = _request(context)
    return await _or_error(request, read_resource(_parts(request), _caller(request), str(params.uri)))


async def _or_error(request: Request, answer: Awaitable[T]) -> T:
    try:
        return await bounded(answer)
    except Exception as error:  # noqa: BLE001  the edge: each is told as a problem, the unexpected ones hidden
        raise as_error(tell(error, request)) from None


def _request(context: Context) -> Request:
    """Return the HTTP request that brought the message; there is no other way in."""
    if context.request is None:
        raise RuntimeError("a message without its HTTP request")
    return context.request


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def _caller(request: Request) -> Caller:
    """Return the caller that `api.mcp_server.endpoint` found out."""
    caller: Caller = request.state.caller
    return caller
