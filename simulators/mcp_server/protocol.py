"""The honest server: what each message of MCP 2025-11-25 and 2026-07-28 is answered with.

A message that carries its protocol version in `_meta` is of the newer one, which has no handshake.
"""

from typing import Final

from simulators.mcp_server.deeds import INVALID_PARAMS, ProtocolError, Tell, call_tool, get_prompt, read_resource
from simulators.mcp_server.offers import PROMPTS, RESOURCES, TEMPLATES, TOOLS
from simulators.mcp_server.world import World
from simulators.model_provider.json_value import Json, JsonObject, as_object

LEGACY: Final = "2025-11-25"
MODERN: Final = "2026-07-28"
VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
INFO_KEY: Final = "io.modelcontextprotocol/serverInfo"
METHOD_NOT_FOUND: Final = -32601
SERVER_INFO: Final[JsonObject] = {"name": "simulated", "version": "1"}
_STAMP: Final[JsonObject] = {
    "resultType": "complete",
    "ttlMs": 0,
    "cacheScope": "private",
    "_meta": {INFO_KEY: SERVER_INFO},
}
_CHANGES: Final[JsonObject] = {"listChanged": True}
CAPABILITIES: Final[JsonObject] = {"tools": _CHANGES, "resources": _CHANGES, "prompts": _CHANGES, "logging": {}}


def is_modern(message: JsonObject) -> bool:
    """Return whether a message is of 2026-07-28."""
    meta = as_object((as_object(message.get("params")) or {}).get("_meta")) or {}
    return VERSION_KEY in meta


def envelope(message: JsonObject, result: Json) -> JsonObject:
    """Return a result as the answer to a message, with what the newer protocol has in every result."""
    told = as_object(result)
    if told is not None and is_modern(message):
        result = _STAMP | told
    return {"jsonrpc": "2.0", "id": message.get("id"), "result": result}


def failure(message: JsonObject, code: int, text: str) -> JsonObject:
    """Return an error as the answer to a message."""
    return {"jsonrpc": "2.0", "id": message.get("id"), "error": {"code": code, "message": text}}


async def respond(world: World, message: JsonObject, tell: Tell) -> JsonObject:
    """Return the honest answer to a request, having done what it asks.

    Args:
        world: The server's state.
        message: The request.
        tell: Sends notifications ahead of the answer.
    """
    try:
        result = await _result(world, message, tell)
    except ProtocolError as error:
        return failure(message, error.code, error.message)
    return envelope(message, result)


async def _result(world: World, message: JsonObject, tell: Tell) -> JsonObject:
    method, params = str(message.get("method")), as_object(message.get("params")) or {}
    if _unknown_here(world, message, method):
        raise ProtocolError(METHOD_NOT_FOUND, "Method not found")
    match method:
        case "initialize":
            return {"protocolVersion": LEGACY, "capabilities": CAPABILITIES, "serverInfo": SERVER_INFO}
        case "server/discover":
            return {"supportedVersions": [MODERN], "capabilities": CAPABILITIES}
        case "tools/call":
            return await call_tool(world, params, tell)
        case "resources/read":
            return read_resource(world, params)
        case "prompts/get":
            return get_prompt(params)
        case "ping" | "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe":
            return {}
        case _:
            return _listed(world, method, params)


def _unknown_here(world: World, message: JsonObject, method: str) -> bool:
    match world.script.protocol:
        case "legacy":
            return is_modern(message)
        case "modern":
            return not is_modern(message)
        case _:
            return method == "initialize" and is_modern(message)


def _listed(world: World, method: str, params: JsonObject) -> JsonObject:
    match method:
        case "tools/list":
            return _tools(world, params.get("cursor"))
        case "resources/list":
            return {"resources": list(RESOURCES)}
        case "resources/templates/list":
            return {"resourceTemplates": list(TEMPLATES)}
        case "prompts/list":
            return {"prompts": list(PROMPTS)}
        case _:
            raise ProtocolError(METHOD_NOT_FOUND, "Method not found")


def _tools(world: World, cursor: Json) -> JsonObject:
    own = [
        {key: value for key, value in tool.items() if key not in {"answer", "writes"}} for tool in world.script.tools
    ]
    tools = [*TOOLS, *own]
    start = int(cursor) if isinstance(cursor, str) and cursor.isdecimal() else 0
    if cursor is not None and start == 0:
        raise ProtocolError(INVALID_PARAMS, "Invalid cursor")
    if start == 0:
        world.lists += 1
    end = start + world.script.page_size
    page: JsonObject = {"tools": tools[start:end]}
    return page | ({"nextCursor": str(end)} if end < len(tools) else {})
