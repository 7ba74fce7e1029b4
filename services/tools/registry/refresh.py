"""Reading a server's lists into the registry.

A server that cannot be read changes nothing but its state. A list that lost much is read a second time before anything
counts as gone. Two refreshes at once do no harm: they write one after the other, and the one whose reading is older,
or was made by an older configuration, writes nothing.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol

from domain.errors import ToolError, ToolUnavailable
from domain.tool_server import AuthorizationCode, Http, ToolServer
from domain.tools import CAPABILITIES_LIMIT, Capability
from services.storage.database import Database
from services.storage.statements import Statements
from services.tools.registry import listings
from services.tools.registry.drift import has_shrunk
from services.tools.registry.listings import Outcome, Reading
from services.vault.errors import VaultError

PAUSE_S = 2.0
"""Before a list that has shrunk is read again."""
READ_TIMEOUT_S = 60.0
"""What reading a server's lists may take, each time."""

_SIGNED_IN = "SELECT owner FROM tool_token WHERE server = $1 ORDER BY updated_at DESC LIMIT 1"
_SHARED = ""
_ERROR_SHOWN = 500

_log = logging.getLogger(__name__)


class Lists(Protocol):
    """What a server lists, as `services.tools.client.connections.Listing` is."""

    @property
    def capabilities(self) -> Sequence[Capability]:
        """All that it offers."""
        ...

    @property
    def refused(self) -> Sequence[tuple[str, str]]:
        """What is not kept of it: a name, and why."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What was mended or left out."""
        ...


class Reader(Protocol):
    """Who reads lists: `services.tools.client.connections.Connections`."""

    async def listing(self, server: ToolServer, owner: str) -> Lists:
        """Return what a server offers. Raises ToolError."""
        ...


@dataclass(frozen=True)
class Refreshed:
    """What a refresh found. `skipped`: another one was newer, or the server was changed meanwhile."""

    server: str
    added: int = 0
    changed: int = 0
    removed: int = 0
    total: int = 0
    error: str | None = None
    skipped: bool = False


async def refresh(
    db: Database, connections: Reader, server: ToolServer, reason: str, *, pause_s: float = PAUSE_S
) -> Refreshed:
    """Read what a server offers and record what has changed.

    Args:
        db: The registry.
        connections: The way to the server.
        server: The server.
        reason: Why: schedule, event, hand or error; for the log.
        pause_s: How long to wait before a list that has shrunk is read again.

    Raises:
        Unavailable: The database does not answer.
    """
    began = datetime.now(UTC)
    try:
        lists = await _read(db, connections, server, pause_s)
    except (ToolError, VaultError) as error:
        said = str(error)[:_ERROR_SHOWN]
        await listings.store_failure(db, server, began, said)
        _log.warning("tool server %s could not be read (%s): %s", server.id, reason, error.code)
        return Refreshed(server.id, error=said)
    reading = _reading(began, lists)
    async with db.transaction() as tx:
        outcome = await listings.store(tx, server, reading)
    if outcome is None:
        return Refreshed(server.id, total=len(await listings.present(db, server.id)), skipped=True)
    return _told(server, reason, outcome)


async def _read(db: Database, connections: Reader, server: ToolServer, pause_s: float) -> Lists:
    owner = await _reader_of(db, server)
    lists = await _bounded(connections, server, owner)
    listed = [capability.key for capability in lists.capabilities]
    if not has_shrunk(await listings.present(db, server.id), listed):
        return lists
    await asyncio.sleep(pause_s)
    return await _bounded(connections, server, owner)


async def _bounded(connections: Reader, server: ToolServer, owner: str) -> Lists:
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            return await connections.listing(server, owner)
    except TimeoutError:
        raise ToolUnavailable(f"the server did not tell what it offers within {READ_TIMEOUT_S:g} s") from None


async def _reader_of(where: Statements, server: ToolServer) -> str:
    """Return as whom a server is read: where each user signs in for themselves, as the one who did so last."""
    auth = server.reach.auth if isinstance(server.reach, Http) else None
    if not isinstance(auth, AuthorizationCode) or auth.shared:
        return _SHARED
    rows = await where.fetch(_SIGNED_IN, server.id)
    return str(rows[0]["owner"]) if rows else _SHARED


def _reading(began: datetime, lists: Lists) -> Reading:
    return Reading(
        began,
        tuple(lists.capabilities[:CAPABILITIES_LIMIT]),
        _cut(f"{name}: {why}" for name, why in lists.refused),
        _cut(lists.notes),
    )


def _cut(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text[: listings.NOTE_CHARS] for text in islice(texts, listings.NOTES_KEPT))


def _told(server: ToolServer, reason: str, outcome: Outcome) -> Refreshed:
    if outcome.added or outcome.changed or outcome.removed:
        _log.info(
            "tool server %s (%s): %d new, %d changed, %d gone, %d in all",
            *(server.id, reason, outcome.added, outcome.changed, outcome.removed, outcome.total),
        )
    return Refreshed(server.id, outcome.added, outcome.changed, outcome.removed, outcome.total)
