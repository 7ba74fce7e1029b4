"""How each server is doing, as this process sees it."""

from collections import OrderedDict
from datetime import UTC, datetime

from domain.errors import ToolError, ToolFailed
from domain.value import Value

SERVERS_REMEMBERED = 1000


class Health(Value):
    """A server's state; `calls` and `errors` count since the process started, `last_error` is the text of the last one.

    A tool that says that it failed is no error of its server.
    """

    connected: bool = False
    last_error: str | None = None
    last_used: datetime | None = None
    calls: int = 0
    errors: int = 0


class Record:
    """The state of all servers that were used."""

    def __init__(self) -> None:
        self._servers: OrderedDict[str, Health] = OrderedDict()

    def used(self, server_id: str) -> None:
        """Count a call."""
        health = self._servers.get(server_id, Health())
        self._set(server_id, health.model_copy(update={"calls": health.calls + 1, "last_used": datetime.now(UTC)}))

    def failed(self, server_id: str, error: ToolError) -> None:
        """Count an error."""
        if not isinstance(error, ToolFailed):
            health = self._servers.get(server_id, Health())
            update = {"errors": health.errors + 1, "last_error": f"{error.code}: {error}"}
            self._set(server_id, health.model_copy(update=update))

    def all(self, connected: set[str]) -> dict[str, Health]:
        """Return every server's state, given those that have a connection."""
        return {
            name: state.model_copy(update={"connected": name in connected}) for name, state in self._servers.items()
        }

    def _set(self, server_id: str, health: Health) -> None:
        self._servers[server_id] = health
        self._servers.move_to_end(server_id)
        while len(self._servers) > SERVERS_REMEMBERED:
            self._servers.popitem(last=False)
