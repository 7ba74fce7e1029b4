"""One message from the client and the ways to answer it, the same over HTTP and stdio."""

import json
from dataclasses import dataclass

from simulators.mcp_server.protocol import envelope, respond
from simulators.mcp_server.wire import Wire
from simulators.mcp_server.world import World
from simulators.model_provider.json_value import Json, JsonObject, as_object


@dataclass(slots=True)
class Turn:
    """One message from the client."""

    world: World
    message: JsonObject
    wire: Wire

    @property
    def method(self) -> str:
        """What the message asks for."""
        return str(self.message.get("method"))

    @property
    def params(self) -> JsonObject:
        """The message's parameters."""
        return as_object(self.message.get("params")) or {}

    @property
    def tool(self) -> str | None:
        """The tool that is called, if one is."""
        return self.params.get("name") if self.method == "tools/call" else None

    async def honest(self) -> JsonObject:
        """Do what the message asks, and return the honest answer."""
        return await respond(self.world, self.message, self.wire.notify)

    def answer(self, result: Json) -> JsonObject:
        """Return a result as the answer to the message."""
        return envelope(self.message, result)


def encode(message: Json) -> bytes:
    """Return the JSON text of a message, without spaces."""
    return json.dumps(message, separators=(",", ":")).encode()
