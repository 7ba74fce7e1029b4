"""A configured server whose lists come from the test, so that it can shrink, drift and fail on demand."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.errors import ToolError
from domain.tool_server import ServerOptions, Stdio, ToolServer
from domain.tools import Annotations, Capability, CapabilityKind
from services.storage.database import Database
from services.tools.registry import servers
from services.tools.registry.refresh import Refreshed, refresh
from services.vault.vault import Vault


@dataclass
class Lists:
    """One reading."""

    capabilities: Sequence[Capability]
    refused: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()


@dataclass
class Scripted:
    """The server, and what it will answer: each reading takes the next answer, the last one stays."""

    db: Database
    vault: Vault
    server: ToolServer
    answers: list[Lists | ToolError] = field(default_factory=list)
    readings: int = 0
    gate: asyncio.Event | None = None

    @classmethod
    async def make(cls, db: Database, vault: Vault, server_id: str, options: ServerOptions | None = None) -> "Scripted":
        server = ToolServer(
            id=server_id, reach=Stdio(command="mcp-server-time"), options=options or ServerOptions(trusted=True)
        )
        async with db.transaction() as tx:
            await servers.create(tx, vault, server)
        return cls(db, vault, server)

    async def listing(self, server: ToolServer, owner: str) -> Lists:
        """Answer as `Connections.listing` does."""
        del server, owner
        self.readings += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(answer, ToolError):
            raise answer
        return answer

    async def reads(self, *capabilities: Capability, then: Sequence[Capability] | None = None) -> Refreshed:
        """Refresh; the server lists these, and `then` when it is asked again."""
        self.answers = [Lists(capabilities), *([] if then is None else [Lists(then)])]
        return await self.refresh()

    async def refresh(self) -> Refreshed:
        return await refresh(self.db, self, self.server, "hand", pause_s=0.01)

    async def options(self, options: ServerOptions) -> None:
        """Change what an admin decided."""
        self.server = self.server.model_copy(update={"options": options})
        async with self.db.transaction() as tx:
            await servers.change(tx, self.vault, self.server)
        self.server = await servers.load(self.db, self.vault, self.server.id)

    async def state(self) -> servers.ServerState:
        return (await servers.view(self.db, self.vault, self.server.id)).state


def tool(name: str, description: str = "", *, read_only: bool | None = None, **properties: object) -> Capability:
    """A tool that requires the named properties and takes no other."""
    schema = {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }
    return Capability(
        kind=CapabilityKind.TOOL,
        name=name,
        description=description,
        input_schema=schema,
        annotations=Annotations(read_only=read_only),
    )


def tools(count: int) -> list[Capability]:
    """Some tools."""
    return [tool(f"t{number}") for number in range(count)]
