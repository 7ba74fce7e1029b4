"""What the honest server's tools, resources and prompts do."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from simulators.mcp_server.world import World
from simulators.model_provider.json_value import Json, JsonObject, as_object

Tell = Callable[[JsonObject], Awaitable[None]]
"""Sends a notification ahead of the answer."""

INVALID_PARAMS = -32602
RESOURCE_NOT_FOUND = -32002


class ProtocolError(Exception):
    """A request that is answered with a JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def text_result(text: str, *, failed: bool = False, structured: JsonObject | None = None) -> JsonObject:
    """Return a tool's result that is one text."""
    result: JsonObject = {"content": [{"type": "text", "text": text}], "isError": failed}
    return result if structured is None else result | {"structuredContent": structured}


async def call_tool(world: World, params: JsonObject, tell: Tell) -> JsonObject:
    """Do what a tool does, and return its result.

    Raises:
        ProtocolError: There is no such tool.
    """
    name, arguments = params.get("name"), as_object(params.get("arguments")) or {}
    if name == "slow":
        return await _slow(arguments, params, tell)
    own = _TOOLS.get(name) if isinstance(name, str) else None
    if own is not None:
        try:
            return own(world, arguments)
        except (KeyError, TypeError) as error:
            return text_result(f"invalid arguments: {error}", failed=True)
    for scripted in world.script.tools:
        if scripted["name"] == name:
            return _scripted(world, scripted, arguments)
    raise ProtocolError(INVALID_PARAMS, f"Unknown tool: {name}")


def read_resource(world: World, params: JsonObject) -> JsonObject:
    """Return what a resource holds.

    Raises:
        ProtocolError: There is no such resource.
    """
    uri = str(params.get("uri"))
    if uri == "memo://readme":
        return _contents(uri, "text/plain", "A simulated server.")
    if uri == "memo://notes":
        return _contents(uri, "application/json", json.dumps(world.notes))
    number = uri.removeprefix("memo://notes/")
    if number.isdecimal() and 1 <= int(number) <= len(world.notes):
        return _contents(uri, "text/plain", world.notes[int(number) - 1])
    raise ProtocolError(RESOURCE_NOT_FOUND, f"Resource not found: {uri}")


def get_prompt(params: JsonObject) -> JsonObject:
    """Return a prompt's messages.

    Raises:
        ProtocolError: There is no such prompt, or its argument is not there.
    """
    text = (as_object(params.get("arguments")) or {}).get("text")
    if params.get("name") != "summarise" or text is None:
        raise ProtocolError(INVALID_PARAMS, "Unknown prompt or missing argument")
    return {"messages": [{"role": "user", "content": {"type": "text", "text": f"Summarise: {text}"}}]}


def create_note(world: World, text: str, tool: str = "note_create") -> JsonObject:
    """Write a note and return the tool's result."""
    world.notes.append(text)
    world.note_write(tool, {"text": text})
    note = {"id": len(world.notes), "text": text}
    return text_result(json.dumps(note), structured=note)


def _echo(_world: World, arguments: JsonObject) -> JsonObject:
    return text_result(arguments["text"], structured={"text": arguments["text"]})


def _add(_world: World, arguments: JsonObject) -> JsonObject:
    total = arguments["a"] + arguments["b"]
    return text_result(json.dumps(total), structured={"sum": total})


def _note_create(world: World, arguments: JsonObject) -> JsonObject:
    return create_note(world, arguments["text"])


def _note_list(world: World, arguments: JsonObject) -> JsonObject:
    wanted = arguments.get("contains", "")
    notes = [{"id": number, "text": text} for number, text in enumerate(world.notes, 1) if wanted in text]
    return text_result(json.dumps(notes), structured={"notes": notes})


def _note_delete_all(world: World, _arguments: JsonObject) -> JsonObject:
    world.notes.clear()
    world.note_write("note_delete_all", {})
    return text_result("deleted")


def _fail(_world: World, arguments: JsonObject) -> JsonObject:
    return text_result(arguments["text"], failed=True)


_TOOLS: dict[str, Callable[[World, JsonObject], JsonObject]] = {
    "echo": _echo,
    "add": _add,
    "note_create": _note_create,
    "note_list": _note_list,
    "note_delete_all": _note_delete_all,
    "fail": _fail,
}


async def _slow(arguments: JsonObject, params: JsonObject, tell: Tell) -> JsonObject:
    seconds, steps = float(arguments.get("seconds", 0)), int(arguments.get("steps", 3))
    token: Json = (as_object(params.get("_meta")) or {}).get("progressToken")
    for step in range(1, steps + 1):
        await asyncio.sleep(seconds / steps)
        if token is not None:
            told = {"progressToken": token, "progress": step, "total": steps, "message": f"step {step}"}
            await tell({"jsonrpc": "2.0", "method": "notifications/progress", "params": told})
    return text_result("done")


def _scripted(world: World, scripted: JsonObject, arguments: JsonObject) -> JsonObject:
    if scripted.get("writes"):
        world.note_write(scripted["name"], arguments)
    answer: JsonObject = scripted.get("answer") or text_result("done")
    return answer


def _contents(uri: str, mime_type: str, text: str) -> JsonObject:
    return {"contents": [{"uri": uri, "mimeType": mime_type, "text": text}]}
