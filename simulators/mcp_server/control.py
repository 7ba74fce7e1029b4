"""`/__sim/`: what those who drive the simulator ask and tell it, for each of its servers."""

import json

from simulators.mcp_server.behaviours import BEHAVIOURS, chosen
from simulators.mcp_server.http_wire import HttpWire
from simulators.mcp_server.turn import encode
from simulators.mcp_server.world import World
from simulators.model_provider.json_value import Json, as_object


async def control(world: World, name: str, wire: HttpWire) -> None:
    """Answer a request for `/__sim/<name>`."""
    match wire.request.method, name:
        case "GET", "calls":
            await _send(wire, {"calls": list(world.calls), "lists": world.lists})
        case "GET", "writes":
            await _send(wire, {"writes": list(world.writes), "notes": world.notes})
        case "GET", "fetches":
            await _send(wire, {"fetches": list(world.fetches)})
        case "GET", "behaviours":
            await _send(wire, {"behaviours": catalogue()})
        case "GET", "behaviour":
            await _send(wire, {"behaviour": world.behaviour})
        case (("PUT" | "POST"), "behaviour"):
            await _switch(world, wire)
        case "POST", "announce":
            await _send(wire, {"streams": world.announce(json.loads(wire.request.body))})
        case "DELETE", "calls":
            for memory in (world.calls, world.writes, world.fetches):
                memory.clear()
            await wire.respond(204, headers={"content-length": "0"})
        case _:
            await wire.respond(404)


def catalogue() -> list[dict[str, Json]]:
    """Return all behaviours as JSON, in the order of their subjects."""
    return [
        {"name": one.name, "stages": list(one.stages), "reach": one.reach, "promise": one.promise}
        for one in BEHAVIOURS.values()
    ]


async def _switch(world: World, wire: HttpWire) -> None:
    told = as_object(json.loads(wire.request.body or b"null")) or {}
    label = told.get("behaviour")
    try:
        if label is not None:
            chosen(str(label))
    except ValueError as error:
        await wire.respond(400, encode({"error": str(error)}))
        return
    world.behaviour = label
    await _send(wire, {"behaviour": label})


async def _send(wire: HttpWire, body: Json) -> None:
    await wire.respond(200, encode(body))
