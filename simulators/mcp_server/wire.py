"""How bytes get back to the client."""

from typing import Protocol

from simulators.model_provider.json_value import JsonObject


class Wire(Protocol):
    """The way back for one message."""

    async def notify(self, message: JsonObject) -> None:
        """Send a message ahead of the answer."""
        ...

    async def finish(self, message: JsonObject) -> None:
        """Send the answer."""
        ...

    async def body(self, body: bytes) -> None:
        """Send bytes where the answer's JSON text would stand."""
        ...

    async def hang(self) -> None:
        """Send nothing until the client goes away."""
        ...

    def reset(self) -> None:
        """Drop the connection as a crash does; over stdio the process ends."""
        ...
