"""The registry of tools: what servers offer, approving it, and saying what a tool does."""

from typing import Annotated

from fastapi import APIRouter, Query

from api import tool_workflows
from api.acting import ByOf
from api.bodies import StrictRoute
from api.caller import CallerOf
from api.documents.tools import ApproveToolBody, EffectBody, ToolsDocument, ToolsQuery
from api.granted import may_see_tool
from api.parts import PartsOf, ToolsOf
from api.problems import errors
from services.tools.admin import ToolFilter, ToolKey

router = APIRouter(prefix="/v1/tools", tags=["tools"], route_class=StrictRoute)


@router.get("", responses=errors(403, 422, 503))
async def list_tools(tools: ToolsOf, caller: CallerOf, query: Annotated[ToolsQuery, Query()]) -> ToolsDocument:
    """List tools, resources and prompts with their schemas, effects and approvals. Texts are the servers' own.

    What you are not granted is left out, so a page may be shorter than asked for; with `tools.write` all are shown.
    """
    narrowed = ToolFilter(query.server, query.query, query.approval)
    found, cursor = await tools.tools(narrowed, query.cursor, query.limit)
    return ToolsDocument(tools=[tool for tool in found if may_see_tool(caller, tool.server, tool.name)], cursor=cursor)


@router.post("/approve", status_code=204, responses=errors(400, 403, 404, 409, 413, 415, 422, 503))
async def approve_tool(body: ApproveToolBody, tools: ToolsOf, by: ByOf) -> None:
    """Approve a new or changed tool as it is. 409: it has changed since you looked at it."""
    await tools.approve(by, ToolKey(server=body.server, kind=body.kind, name=body.name), body.hash)


@router.post("/effect", status_code=204, responses=errors(400, 403, 404, 413, 415, 422, 503))
async def say_effect(body: EffectBody, parts: PartsOf, tools: ToolsOf, by: ByOf) -> None:
    """Say what a tool does to the world, over its own hints; open approvals are judged again."""
    await tools.set_effect(by, ToolKey(server=body.server, kind=body.kind, name=body.name), body.effect)
    await tool_workflows.tell_gates(parts)
