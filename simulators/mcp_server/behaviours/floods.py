"""Far too many notifications before the answer."""

from simulators.mcp_server.behaviours.registry import Stage, behaviour
from simulators.mcp_server.turn import Turn
from simulators.model_provider.json_value import Json, JsonObject, as_object

FLOOD = 10_000
LARGE = 512 * 1024
LARGE_ONES = 32


@behaviour(Stage.CALL)
async def progress_flood(turn: Turn) -> None:
    """Reports progress ten thousand times, then answers."""
    for number in range(FLOOD):
        await turn.wire.notify(_progress(turn, number))
    await turn.wire.finish(await turn.honest())


@behaviour(Stage.CALL)
async def large_progress(turn: Turn) -> None:
    """Reports progress with texts of half a megabyte, then answers."""
    for number in range(LARGE_ONES):
        await turn.wire.notify(_progress(turn, number, "x" * LARGE))
    await turn.wire.finish(await turn.honest())


@behaviour(Stage.CALL)
async def odd_progress(turn: Turn) -> None:
    """Reports progress backwards, without end or beginning, for other calls, and in words; then answers."""
    for progress in (5, 3, -1, 1e308, "half", None, [1]):
        await turn.wire.notify(_progress(turn, progress))
    for token in (999_999, "nobody", None, [1]):
        told = {"progressToken": token, "progress": 1}
        await turn.wire.notify(_notification("notifications/progress", told))
    await turn.wire.finish(await turn.honest())


@behaviour(Stage.CALL)
async def log_flood(turn: Turn) -> None:
    """Sends ten thousand log messages, then answers."""
    for number in range(FLOOD):
        await turn.wire.notify(_notification("notifications/message", {"level": "error", "data": f"line {number}"}))
    await turn.wire.finish(await turn.honest())


@behaviour(Stage.CALL)
async def change_flood(turn: Turn) -> None:
    """Says ten thousand times that its tools changed, then answers."""
    for _ in range(FLOOD):
        await turn.wire.notify(_notification("notifications/tools/list_changed", {}))
    await turn.wire.finish(await turn.honest())


@behaviour(Stage.CALL)
async def unknown_flood(turn: Turn) -> None:
    """Sends ten thousand notifications of an unknown kind, then answers."""
    for number in range(FLOOD):
        await turn.wire.notify(_notification("notifications/weather", {"number": number}))
    await turn.wire.finish(await turn.honest())


@behaviour(Stage.CALL)
async def cancels_the_call(turn: Turn) -> None:
    """Says that the call was cancelled, and never answers."""
    await turn.wire.notify(_notification("notifications/cancelled", {"requestId": turn.message["id"]}))
    await turn.wire.hang()


def _notification(method: str, params: JsonObject) -> JsonObject:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def _progress(turn: Turn, progress: Json, message: str = "working") -> JsonObject:
    token = (as_object(turn.params.get("_meta")) or {}).get("progressToken", 0)
    return _notification("notifications/progress", {"progressToken": token, "progress": progress, "message": message})
