"""The same work without a tool: connections that answer at once and reach nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from composition.services import Services
from domain.tool_server import ToolServer
from domain.tools import Action, Capability
from services.tools.calls import ToolCaller
from services.tools.client.answers import Answer, Progress
from services.tools.client.commands import Commands
from services.tools.client.connections import Connections


class NoTool(Connections):
    """Everything that a caller asks of connections, but no server: the contract that is pinned, one fixed answer."""

    def __init__(self, contract: Capability, answer: Answer) -> None:
        super().__init__(Commands((), ()))
        self._contract = contract
        self._answer = answer

    async def call(  # noqa: PLR0913 - as its base
        self,
        server: ToolServer,
        owner: str,
        action: Action,
        arguments: dict[str, Any],
        *,
        timeout_s: float,
        output_schema: dict[str, Any] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Answer:
        """Answer at once."""
        del server, owner, action, arguments, timeout_s, output_schema, on_progress
        return self._answer

    async def contract(self, server: ToolServer, owner: str, action: Action, max_age_s: float) -> Capability | None:
        """Return the one contract."""
        del server, owner, action, max_age_s
        return self._contract


def without_a_tool(services: Services, contract: Capability, answer: Answer) -> Services:
    """The same services, whose tool caller does all its database work and calls nothing."""
    tools = services.tools
    none = NoTool(contract, answer)
    caller = ToolCaller(services.db, tools.vault, none)
    return replace(services, tools=replace(tools, connections=none, caller=caller))
