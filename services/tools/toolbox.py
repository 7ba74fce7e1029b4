"""All that a process needs for tools, made together and closed together."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.storage.database import Database
from services.tools.calls import ToolCaller
from services.tools.client.commands import Commands
from services.tools.client.connections import Connections
from services.tools.sign_in.oauth import ToolAuth
from services.vault.vault import Vault


@dataclass(frozen=True)
class Toolbox:
    """The parts. `connections` is the one way to tool servers."""

    vault: Vault
    commands: Commands
    auth: ToolAuth
    connections: Connections
    caller: ToolCaller


@asynccontextmanager
async def open_toolbox(
    db: Database, vault: Vault, commands: Commands, *, redirect_uri: str, on_changed: Callable[[str], None]
) -> AsyncIterator[Toolbox]:
    """Make the parts; connects to nothing yet.

    Args:
        db: The database.
        vault: What seals credentials.
        commands: What stdio servers may run as.
        redirect_uri: Our address that sign-in pages send browsers back to.
        on_changed: Told the id of a server whose lists have changed; may not block.
    """
    auth = ToolAuth(db, vault, redirect_uri=redirect_uri)
    try:
        async with Connections(commands, auth=auth.for_server, on_changed=on_changed) as connections:
            yield Toolbox(vault, commands, auth, connections, ToolCaller(db, vault, connections))
    finally:
        await auth.close()
