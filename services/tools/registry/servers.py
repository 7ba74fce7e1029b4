"""The configured tool servers in the database. How one is reached is sealed; what is shown of it holds no secret.

Every change of a configuration makes its `revision` grow: whoever keeps a connection to a server sees by it that the
connection is stale.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from domain.errors import Conflict, InvalidInput, NotFound
from domain.tool_server import SERVER_ID, Http, ServerOptions, Stdio, ToolServer
from domain.value import Value
from services.storage import json_text
from services.storage.database import Tx
from services.storage.driver import Row
from services.storage.statements import Statements
from services.tools.registry import redaction
from services.vault.errors import VaultError
from services.vault.vault import Vault

SERVERS_LIMIT = 200
"""Servers that an installation may have."""

Source = Literal["file", "api"]

_log = logging.getLogger(__name__)

_COLUMNS = "id, reach, transport, address, options, disabled, revision, source, state, created_at, updated_at"
_ONE = f"SELECT {_COLUMNS} FROM tool_server WHERE id = $1"  # noqa: S608  our own constant
_ALL = f"SELECT {_COLUMNS} FROM tool_server ORDER BY id LIMIT {SERVERS_LIMIT}"  # noqa: S608  our own constants
_ENABLED = f"SELECT id FROM tool_server WHERE NOT disabled ORDER BY id LIMIT {SERVERS_LIMIT}"  # noqa: S608  the same
_REVISION = "SELECT revision FROM tool_server WHERE id = $1"
_COUNT = "SELECT count(*) AS n FROM tool_server"
_INSERT = """
    INSERT INTO tool_server (id, reach, transport, address, options, disabled, revision, source, source_hash)
    VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8) ON CONFLICT DO NOTHING RETURNING revision"""
_UPDATE = """
    UPDATE tool_server SET reach = $2, transport = $3, address = $4, options = $5, disabled = $6,
        source_hash = coalesce($7, source_hash), revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = $1 AND ($8::int IS NULL OR revision = $8) RETURNING revision"""
_SWITCH = """
    UPDATE tool_server SET revision = revision + (disabled <> $2)::int, updated_at = clock_timestamp(), disabled = $2
    WHERE id = $1 RETURNING revision"""
_SEALED = f"SELECT id, reach, source_hash FROM tool_server ORDER BY id LIMIT {SERVERS_LIMIT}"  # noqa: S608  as above
_RESEAL = "UPDATE tool_server SET reach = $2, source_hash = $3 WHERE id = $1 AND reach = $4 RETURNING id"
_DELETE = "DELETE FROM tool_server WHERE id = $1 RETURNING id"
_DELETE_WITH_IT = (
    "DELETE FROM tool_capability WHERE server = $1",
    "DELETE FROM tool_token WHERE server = $1",
    "DELETE FROM tool_sign_in WHERE server = $1",
)


class ServerState(Value):
    """What the last refresh found.

    Attributes:
        at: When it began; None: none has ended yet.
        read_at: When the last one that could read the server began.
        ok: Whether the last one could.
        error: Why not.
        total: Capabilities offered when it was last read.
        waiting: Those of them that wait for an approval.
        notes: What was left out or mended in its lists.
        refused: What of its lists is not kept, and why.
    """

    at: datetime | None = None
    read_at: datetime | None = None
    ok: bool = False
    error: str | None = None
    total: int = 0
    waiting: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class ServerView(Value):
    """A server as people see it: `reach` holds "•••" for every secret; None: its record cannot be opened."""

    id: str
    address: str
    reach: Stdio | Http | None
    options: ServerOptions
    disabled: bool
    revision: int
    source: Source
    state: ServerState
    created_at: datetime
    updated_at: datetime


async def load(where: Statements, vault: Vault, server_id: str) -> ToolServer:
    """Return a server as it is used, with its secrets.

    Raises:
        NotFound: There is none.
        VaultError: Its record cannot be opened.
    """
    row = await _row(where, server_id)
    return ToolServer(
        id=server_id,
        reach=_open(vault, row),
        options=ServerOptions.model_validate(row["options"]),
        disabled=row["disabled"],
        revision=row["revision"],
    )


async def view(where: Statements, vault: Vault, server_id: str) -> ServerView:
    """Return a server as people see it.

    Raises:
        NotFound: There is none.
    """
    return _view(vault, await _row(where, server_id))


async def views(where: Statements, vault: Vault) -> list[ServerView]:
    """Return all servers as people see them, by id."""
    return [_view(vault, row) for row in await where.fetch(_ALL)]


async def enabled_ids(where: Statements) -> tuple[str, ...]:
    """Return the ids of the servers that are not disabled."""
    return tuple(row["id"] for row in await where.fetch(_ENABLED))


async def revision(where: Statements, server_id: str) -> int | None:
    """Return the revision of a server's configuration; None: there is no such server."""
    rows = await where.fetch(_REVISION, server_id)
    return rows[0]["revision"] if rows else None


async def create(
    tx: Tx, vault: Vault, server: ToolServer, source: Source = "api", source_hash: str | None = None
) -> None:
    """Add a server. Its `revision` counts as 1, whatever it says.

    Raises:
        Conflict: There is one of this id.
        InvalidInput: There are too many servers, or a "•••" stands for nothing.
    """
    reach = redaction.restored(server.reach, None)
    if (await tx.fetch(_COUNT))[0]["n"] >= SERVERS_LIMIT:
        raise InvalidInput(f"an installation has at most {SERVERS_LIMIT} tool servers")
    row = (*_sealed(vault, server.id, reach), _options(server.options), server.disabled, source, source_hash)
    if not await tx.fetch(_INSERT, server.id, *row):
        raise Conflict("there is a tool server of this id already")


async def change(
    tx: Tx, vault: Vault, server: ToolServer, *, expected: int | None = None, source_hash: str | None = None
) -> None:
    """Replace a server's configuration; a "•••" keeps the secret that is stored in its place.

    Args:
        tx: The transaction.
        vault: Opens what is stored, seals what is new.
        server: The configuration; its `revision` does not matter.
        expected: The revision that it replaces; None: whichever.
        source_hash: What the file said, when it comes from there.

    Raises:
        NotFound: There is none of this id.
        Conflict: It has another revision than expected.
        InvalidInput: A "•••" stands for nothing.
    """
    row = await _row(tx, server.id)
    reach = redaction.restored(server.reach, _opened(vault, row))
    sealed = _sealed(vault, server.id, reach)
    parameters = (*sealed, _options(server.options), server.disabled, source_hash, expected)
    if not await tx.fetch(_UPDATE, server.id, *parameters):
        raise Conflict(f"the tool server has been changed since: it is at revision {row['revision']}")


async def switch(where: Statements, server_id: str, *, disabled: bool) -> None:
    """Enable or disable a server.

    Raises:
        NotFound: There is none.
    """
    if not await where.fetch(_SWITCH, server_id, disabled):
        raise _unknown()


async def delete(tx: Tx, server_id: str) -> None:
    """Remove a server, what it offers, and its tokens. The journal of calls and the history of changes stay.

    Raises:
        NotFound: There is none.
    """
    if not await tx.fetch(_DELETE, server_id):
        raise _unknown()
    for statement in _DELETE_WITH_IT:
        await tx.fetch(statement, server_id)


async def rewrap(where: Statements, vault: Vault) -> int:
    """Bring how servers are reached, and what their file said, under the active master key; return the count.

    It may be repeated at any time.
    """
    moved = 0
    for row in await where.fetch(_SEALED):
        try:
            moved += await _rewrap(where, vault, row)
        except VaultError as error:
            _log.warning("how tool server %s is reached cannot be opened: %s", row["id"], error)
    return moved


async def _rewrap(where: Statements, vault: Vault, row: Row) -> int:
    reach, hashed = bytes(row["reach"]), row["source_hash"]
    was = None if hashed is None else bytes.fromhex(hashed)
    if not vault.needs_rewrap(reach) and (was is None or not vault.needs_rewrap(was)):
        return 0
    now = None if was is None else vault.rewrap(was, bound_to=source_bound_to(row["id"])).hex()
    fresh = vault.rewrap(reach, bound_to=_bound_to(row["id"]))
    return len(await where.fetch(_RESEAL, row["id"], fresh, now, reach))


def source_bound_to(server_id: str) -> str:
    """Return what the seal of a file's entry is bound to."""
    return f"tool_server_source/{server_id}"


async def _row(where: Statements, server_id: str) -> Row:
    rows = await where.fetch(_ONE, server_id) if SERVER_ID.match(server_id) else []
    if not rows:
        raise _unknown()
    return rows[0]


def _unknown() -> NotFound:
    return NotFound("there is no such tool server")


def _bound_to(server_id: str) -> str:
    return f"tool_server/{server_id}"


def _sealed(vault: Vault, server_id: str, reach: Stdio | Http) -> tuple[bytes, str, str]:
    """Return what stands in the columns `reach`, `transport` and `address`."""
    sealed = vault.seal(reach.model_dump_json().encode(), bound_to=_bound_to(server_id))
    return sealed, reach.transport, redaction.address_of(reach)


def _open(vault: Vault, row: Mapping[str, Any]) -> Stdio | Http:
    plain = vault.open(bytes(row["reach"]), bound_to=_bound_to(row["id"]))
    return redaction.read_reach(plain)


def _opened(vault: Vault, row: Mapping[str, Any]) -> Stdio | Http | None:
    """Return what is stored; None when nobody can read it any more, so that it can be replaced."""
    try:
        return _open(vault, row)
    except VaultError:
        return None


def _options(options: ServerOptions) -> str:
    return json_text.encode(options.model_dump(mode="json", exclude_defaults=True))


def _view(vault: Vault, row: Mapping[str, Any]) -> ServerView:
    reach = _opened(vault, row)
    return ServerView(
        reach=None if reach is None else redaction.redacted(reach),
        options=ServerOptions.model_validate(row["options"]),
        state=ServerState.model_validate(row["state"]),
        **{name: row[name] for name in _PLAIN},
    )


_PLAIN = ("id", "address", "disabled", "revision", "source", "created_at", "updated_at")
