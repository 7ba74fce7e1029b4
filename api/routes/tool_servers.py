"""Tool servers: configuring them, reading what they offer, and what has changed there."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api import tool_workflows
from api.acting import ByOf, note_acting
from api.bodies import StrictRoute
from api.caller import CallerOf
from api.documents.tools import (
    ChangesDocument,
    ChangesQuery,
    NewServerBody,
    RefreshDocument,
    ServerBody,
    ServersDocument,
    SignInDocument,
)
from api.parts import PartsOf, ToolsOf
from api.problems import errors, not_found
from domain.tool_server import SERVER_ID, ToolServer
from services.storage.audit import Act
from services.tools.admin import ServerView, Standing

router = APIRouter(prefix="/v1/tool-servers", tags=["tools"], route_class=StrictRoute)


async def _server_id(server_id: Annotated[str, Path(examples=["atlassian"])]) -> str:
    if not SERVER_ID.match(server_id):
        raise not_found("tool server")
    return server_id


ServerIdOf = Annotated[str, Depends(_server_id)]


@router.get("", responses=errors(403, 503))
async def list_tool_servers(tools: ToolsOf) -> ServersDocument:
    """List the tool servers. Secrets are shown as "•••"."""
    return ServersDocument(servers=await tools.list_servers())


@router.post("", status_code=201, responses=errors(400, 403, 409, 413, 415, 422, 503))
async def add_tool_server(
    body: NewServerBody, parts: PartsOf, tools: ToolsOf, by: ByOf, response: Response
) -> ServerView:
    """Add a tool server; what it offers is read at once, if it answers."""
    view = await tools.create_server(
        by, ToolServer(id=body.id, reach=body.reach, options=body.options, disabled=body.disabled)
    )
    if not body.disabled:
        await tool_workflows.refresh_soon(parts, body.id)
    response.headers["Location"] = f"/v1/tool-servers/{body.id}"
    return view


@router.get("/{server_id}", responses=errors(403, 404, 503))
async def read_tool_server(server_id: ServerIdOf, tools: ToolsOf) -> ServerView:
    """Read a tool server: its configuration without secrets, and what its last refresh found."""
    return await tools.read_server(server_id)


@router.get("/{server_id}/health", responses=errors(403, 404, 503))
async def read_tool_server_health(server_id: ServerIdOf, tools: ToolsOf) -> Standing:
    """Read how a tool server has been doing: its last reading, its calls of the last hour, its last failure."""
    return await tools.standing(server_id)


@router.put("/{server_id}", responses=errors(400, 403, 404, 409, 413, 415, 422, 503))
async def replace_tool_server(
    server_id: ServerIdOf, body: ServerBody, parts: PartsOf, tools: ToolsOf, by: ByOf
) -> ServerView:
    """Replace a tool server's configuration; "•••" keeps the secret that is stored in its place."""
    view = await tools.replace_server(by, server_id, body.reach, body.options, body.expected_revision)
    if not view.disabled:
        await tool_workflows.refresh_soon(parts, server_id)
    return view


@router.delete("/{server_id}", status_code=204, responses=errors(403, 404, 503))
async def remove_tool_server(server_id: ServerIdOf, tools: ToolsOf, by: ByOf) -> None:
    """Remove a tool server with what it offers and its tokens; calls made and changes seen stay on record."""
    await tools.delete_server(by, server_id)


@router.post("/{server_id}/enable", responses=errors(403, 404, 503))
async def enable_tool_server(server_id: ServerIdOf, parts: PartsOf, tools: ToolsOf, by: ByOf) -> ServerView:
    """Let plans use a tool server again."""
    view = await tools.switch_server(by, server_id, disabled=False)
    await tool_workflows.refresh_soon(parts, server_id)
    return view


@router.post("/{server_id}/disable", responses=errors(403, 404, 503))
async def disable_tool_server(server_id: ServerIdOf, tools: ToolsOf, by: ByOf) -> ServerView:
    """Let no plan use a tool server; running plans are refused at their next call."""
    return await tools.switch_server(by, server_id, disabled=True)


@router.post("/{server_id}/refresh", responses={202: {"model": RefreshDocument}, **errors(403, 404, 503)})
async def refresh_tool_server(
    server_id: ServerIdOf, parts: PartsOf, tools: ToolsOf, caller: CallerOf, response: Response
) -> RefreshDocument:
    """Read what a tool server offers now. 202: it takes longer than 10 seconds and goes on."""
    await tools.read_server(server_id)
    await note_acting(parts.database, caller, Act("tool_server.refresh", "tool_server", server_id))
    found = await tool_workflows.refresh(parts, server_id)
    if found is None:
        response.status_code = 202
    return RefreshDocument(finished=found is not None, result=found)


@router.get("/{server_id}/changes", responses=errors(403, 404, 422, 503))
async def list_tool_changes(
    server_id: ServerIdOf, tools: ToolsOf, query: Annotated[ChangesQuery, Query()]
) -> ChangesDocument:
    """List what has changed at a tool server from refresh to refresh, newest first, with the differences."""
    changes, before = await tools.changes(server_id, query.before, query.limit)
    return ChangesDocument(changes=changes, before=before)


@router.post("/{server_id}/sign-in", responses={202: {"model": SignInDocument}, **errors(403, 404, 422, 503)})
async def sign_in_at_tool_server(
    server_id: ServerIdOf, parts: PartsOf, tools: ToolsOf, caller: CallerOf, response: Response
) -> SignInDocument:
    """Begin to sign in, and get the page to open. 202: the server has not told it yet; ask again."""
    holder = await tools.holder(server_id, caller.owner)
    await note_acting(parts.database, caller, Act("tool_server.sign_in", "tool_server", server_id))
    found = await tool_workflows.sign_in(parts, server_id, caller.owner, lambda: tools.pending_sign_in(holder))
    if found is None:
        response.status_code = 202
        return SignInDocument(server=server_id, state=None, url=None)
    return SignInDocument(server=server_id, state=found.state, url=found.url)
