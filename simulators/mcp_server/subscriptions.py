"""Streams that tell of changes: the GET stream of 2025-11-25 and `subscriptions/listen` of 2026-07-28."""

import asyncio

from simulators.mcp_server.turn import Turn
from simulators.mcp_server.wire import Wire
from simulators.mcp_server.world import World
from simulators.model_provider.json_value import JsonObject, as_object

SUBSCRIPTION_KEY = "io.modelcontextprotocol/subscriptionId"
BACKLOG = 1000


async def serve_stream(world: World, wire: Wire) -> None:
    """Pass on what is announced until the client goes away."""
    await _pass_on(world, wire, {})


async def serve_subscription(turn: Turn) -> None:
    """Acknowledge a subscription, then pass on what is announced, marked with its id."""
    mark: JsonObject = {"_meta": {SUBSCRIPTION_KEY: turn.message["id"]}}
    wanted = as_object(turn.params.get("notifications")) or {}
    method = "notifications/subscriptions/acknowledged"
    await turn.wire.notify({"jsonrpc": "2.0", "method": method, "params": {"notifications": wanted} | mark})
    await _pass_on(turn.world, turn.wire, mark)


async def _pass_on(world: World, wire: Wire, mark: JsonObject) -> None:
    announced: asyncio.Queue[JsonObject] = asyncio.Queue(BACKLOG)
    world.listeners.add(announced)
    gone = asyncio.ensure_future(wire.hang())
    passing = asyncio.ensure_future(_pass_each(announced, wire, mark))
    try:
        await asyncio.wait({gone, passing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        world.listeners.discard(announced)
        gone.cancel()
        passing.cancel()
        await asyncio.gather(gone, passing, return_exceptions=True)


async def _pass_each(announced: "asyncio.Queue[JsonObject]", wire: Wire, mark: JsonObject) -> None:
    while True:
        message = await announced.get()
        await wire.notify(message | {"params": (as_object(message.get("params")) or {}) | mark})
