"""The `mcpServers` file that desktop clients use, taken over into the database.

A server's entry is imported when it differs from what was imported last, so that changes made since by API survive
restarts. One that is gone from the file is disabled; one that the API made is never touched.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.errors import InvalidInput, Problem, ToolRefused
from domain.templates import escape
from domain.tool_server import Stdio, ToolServer
from services.storage import audit
from services.storage.audit import Act, By
from services.storage.database import Tx
from services.storage.driver import Row
from services.tools.client.commands import Commands
from services.tools.registry import servers
from services.tools.registry.servers_json import FileServer, parse
from services.vault.errors import VaultError
from services.vault.vault import Vault

MAX_BYTES = 1024 * 1024

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('tool_servers_file', 0))"
_KNOWN = "SELECT id, source, source_hash, disabled FROM tool_server"
_VANISHED = """
    UPDATE tool_server SET disabled = true, source_hash = NULL, revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = $1"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Imported:
    """Ids of servers: new ones, changed ones, those gone from the file, those that the API made and so are left."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def to_refresh(self) -> tuple[str, ...]:
        """Whose lists are to be read."""
        return (*self.added, *self.changed)


async def import_file(tx: Tx, vault: Vault, commands: Commands, path: Path, variables: Mapping[str, str]) -> Imported:
    """Take over a file.

    Args:
        tx: The transaction.
        vault: Seals how servers are reached.
        commands: Which commands may be run.
        path: The file; when there is none, nothing changes.
        variables: What `${NAME}` stands for.

    Raises:
        InvalidInput: The file cannot be used; `problems` say where. Nothing is taken over then.
    """
    content = await asyncio.to_thread(_content, path)
    if content is None:
        return Imported()
    if len(content) > MAX_BYTES:
        raise InvalidInput(f"{path.name} has more than {MAX_BYTES} bytes")
    found = parse(content, path.name, variables)
    check_commands(found, commands, path.name)
    taken = await _import(tx, vault, found)
    await audit.record(tx, By.itself(path.name), *_acts(taken, found))
    return taken


def _acts(taken: Imported, found: tuple[FileServer, ...]) -> list[Act]:
    """Return what the audit says of a file that was taken over; no secret is in how a server is to be used."""
    options = {each.server.id: each.server.options.model_dump(mode="json") for each in found}
    verbs = (("create", taken.added), ("replace", taken.changed), ("disable", taken.disabled))
    return [
        Act(f"tool_server.{verb}", "tool_server", each, {"options": options[each]} if each in options else {})
        for verb, those in verbs
        for each in those
    ]


def check_commands(found: tuple[FileServer, ...], commands: Commands, name: str) -> None:
    """Check that every stdio server's command is on the list.

    Raises:
        InvalidInput: One is not.
    """
    problems: list[Problem] = []
    for entry in found:
        reach = entry.server.reach
        if not isinstance(reach, Stdio):
            continue
        try:
            commands.check(reach.command)
        except ToolRefused as error:
            path = f"/mcpServers/{escape(entry.name)}/command"
            problems.append(Problem(code="command_not_allowed", path=path, message=str(error)))
    if problems:
        raise InvalidInput(f"{name}{problems[0].path}: {problems[0].message}", tuple(problems))


async def _import(tx: Tx, vault: Vault, found: tuple[FileServer, ...]) -> Imported:
    await tx.fetch(_LOCK)
    known = {row["id"]: row for row in await tx.fetch(_KNOWN)}
    added: list[str] = []
    changed: list[str] = []
    left: list[str] = []
    for server in (entry.server for entry in found):
        row, digest = known.get(server.id), _digest(server)
        if row is None:
            await servers.create(tx, vault, server, "file", _sealed(vault, server.id, digest))
            added.append(server.id)
        elif row["source"] != "file":
            _log.warning("tool server %s was made by API: what the file says of it is not used", server.id)
            left.append(server.id)
        elif _imported(vault, row) != digest:
            await servers.change(tx, vault, server, source_hash=_sealed(vault, server.id, digest))
            changed.append(server.id)
    vanished = await _disable_vanished(tx, known, {entry.server.id for entry in found})
    return Imported(tuple(added), tuple(changed), vanished, tuple(left))


async def _disable_vanished(tx: Tx, known: Mapping[str, Row], here: set[str]) -> tuple[str, ...]:
    """Disable the file's servers that are not in it any more; without their hash, so that they may come back."""
    vanished = [
        server_id
        for server_id, row in known.items()
        if row["source"] == "file" and row["source_hash"] is not None and server_id not in here
    ]
    for server_id in vanished:
        await tx.fetch(_VANISHED, server_id)
    return tuple(vanished)


def _digest(server: ToolServer) -> str:
    text = json.dumps(server.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _sealed(vault: Vault, server_id: str, digest: str) -> str:
    """Seal the digest: in the clear it would let anybody try out what a short secret is."""
    return vault.seal(digest.encode(), bound_to=servers.source_bound_to(server_id)).hex()


def _imported(vault: Vault, row: Row) -> str | None:
    """Return the digest of what was imported last."""
    if row["source_hash"] is None:
        return None
    try:
        return vault.open(bytes.fromhex(row["source_hash"]), bound_to=servers.source_bound_to(row["id"])).decode()
    except (VaultError, ValueError):
        return None


def _content(path: Path) -> bytes | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
