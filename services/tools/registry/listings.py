"""A reading of a server's lists, written into the registry: contracts, capabilities, the history of changes, the state.

Writers of one server take turns by the lock on its row.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.tool_server import ToolServer
from domain.tools import Capability as Offered
from domain.tools import CapabilityKind
from services.storage import json_text
from services.storage.database import Database, Tx
from services.storage.driver import Row
from services.storage.statements import Statements
from services.tools.registry.drift import Drift, Key, Known, Moved, Movement, drift
from services.tools.registry.servers import ServerState

NOTES_KEPT = 50
NOTE_CHARS = 300
CHANGES_KEPT = 10_000
"""Changes of one server that are kept; older ones are deleted."""
ABSENT_KEPT = 2000
"""Capabilities of one server that are kept though it no longer lists them; the longest absent are deleted."""

_LOCK = "SELECT revision, state FROM tool_server WHERE id = $1 FOR UPDATE"
_PRESENT = "SELECT kind, name FROM tool_capability WHERE server = $1 AND present"
_KNOWN = "SELECT kind, name, hash, approved_hash, present FROM tool_capability WHERE server = $1"
_CONTRACTS = """
    INSERT INTO tool_contract (hash, capability) SELECT * FROM unnest($1::text[], $2::text[]::jsonb[])
    ON CONFLICT DO NOTHING"""
_LISTED = """
    INSERT INTO tool_capability AS c (server, kind, name, hash, approved_hash, present)
    SELECT $1, l.*, true FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS l
    ON CONFLICT (server, kind, name) DO UPDATE
    SET hash = excluded.hash, present = true, last_seen = clock_timestamp()"""
_GONE = """
    UPDATE tool_capability SET present = false
    WHERE server = $1 AND (kind, name) IN (SELECT * FROM unnest($2::text[], $3::text[]))"""
_CHANGES = """
    INSERT INTO tool_change (server, kind, name, change, before_hash, after_hash)
    SELECT $1, m.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) AS m"""
_TRIM_CHANGES = """
    DELETE FROM tool_change WHERE server = $1 AND number <=
        (SELECT number FROM tool_change WHERE server = $1 ORDER BY number DESC OFFSET $2 LIMIT 1)"""
_TRIM_ABSENT = """
    DELETE FROM tool_capability WHERE server = $1 AND NOT present AND (kind, name) IN (
        SELECT kind, name FROM tool_capability WHERE server = $1 AND NOT present
        ORDER BY last_seen DESC OFFSET $2)"""
_WAITING = """
    SELECT count(*) AS n FROM tool_capability
    WHERE server = $1 AND present AND hash IS DISTINCT FROM approved_hash"""
_STATE = "UPDATE tool_server SET state = $2 WHERE id = $1"
_FAILED = """
    UPDATE tool_server SET state = state || $3::jsonb
    WHERE id = $1 AND revision = $2 AND coalesce((state->>'at')::timestamptz, '-infinity') < $4"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """What a server listed. `began`: when its reading began, so that an older one never overwrites a newer one."""

    began: datetime
    capabilities: tuple[Offered, ...]
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a reading changed: how many are new or back (`added`), different, gone; `total`: how many there are."""

    added: int
    changed: int
    removed: int
    total: int


async def present(where: Statements, server_id: str) -> tuple[Key, ...]:
    """Return what a server offered when it was last read."""
    return tuple(_key(row) for row in await where.fetch(_PRESENT, server_id))


async def store(tx: Tx, server: ToolServer, reading: Reading) -> Outcome | None:
    """Write a reading; None: it is older than what is there, or the server has been changed or removed since."""
    rows = await tx.fetch(_LOCK, server.id)
    if not rows or rows[0]["revision"] != server.revision:
        return None
    state = ServerState.model_validate(rows[0]["state"])
    if state.at is not None and state.at > reading.began:
        return None
    offered = tuple(each for each in reading.capabilities if _is_json(each))
    known = {_key(row): _known(row) for row in await tx.fetch(_KNOWN, server.id)}
    approve_new = state.read_at is None and server.options.approve_first
    found = drift(known, offered, approve_new=approve_new)
    await _write(tx, server.id, found)
    outcome = Outcome(
        added=found.count(Movement.ADDED, Movement.RETURNED),
        changed=found.count(Movement.CHANGED),
        removed=found.count(Movement.REMOVED),
        total=len(found.listed),
    )
    await tx.fetch(_STATE, server.id, json_text.encode(await _state(tx, server.id, reading, outcome)))
    return outcome


async def store_failure(db: Database, server: ToolServer, began: datetime, error: str) -> None:
    """Note that a server could not be read; what it offered stays as it is."""
    news = json_text.encode({"at": began.isoformat(), "ok": False, "error": error})
    await db.fetch(_FAILED, server.id, server.revision, news, began)


async def _write(tx: Tx, server_id: str, found: Drift) -> None:
    if found.listed:
        listed = sorted(found.listed, key=lambda each: each.hash)  # one order for all writers: no deadlock
        hashes = [each.hash for each in listed]
        documents = [json_text.encode(each.capability.model_dump(mode="json")) for each in listed]
        await tx.fetch(_CONTRACTS, hashes, documents)
        kinds, names = _columns([each.capability.key for each in listed])
        await tx.fetch(_LISTED, server_id, kinds, names, hashes, [each.approved for each in listed])
    if found.gone:
        await tx.fetch(_GONE, server_id, *_columns(found.gone))
        await tx.fetch(_TRIM_ABSENT, server_id, ABSENT_KEPT)
    if found.moves:
        await _write_moves(tx, server_id, found.moves)


async def _write_moves(tx: Tx, server_id: str, moves: Sequence[Moved]) -> None:
    kinds, names = _columns([move.key for move in moves])
    changes = [move.movement.value for move in moves]
    before, after = [move.before for move in moves], [move.after for move in moves]
    await tx.fetch(_CHANGES, server_id, kinds, names, changes, before, after)
    await tx.fetch(_TRIM_CHANGES, server_id, CHANGES_KEPT)


async def _state(tx: Tx, server_id: str, reading: Reading, outcome: Outcome) -> dict[str, object]:
    waiting = (await tx.fetch(_WAITING, server_id))[0]["n"]
    return ServerState(
        at=reading.began,
        read_at=reading.began,
        ok=True,
        total=outcome.total,
        waiting=waiting,
        added=outcome.added,
        changed=outcome.changed,
        removed=outcome.removed,
        notes=reading.notes,
        refused=reading.refused,
    ).model_dump(mode="json", exclude_none=True)


def _is_json(capability: Offered) -> bool:
    """Whether a capability can be stored: its schemas are a stranger's."""
    try:
        json.dumps(capability.model_dump(mode="json"), allow_nan=False)
    except (ValueError, RecursionError):
        _log.warning("a capability whose schema is no JSON is left out")
        return False
    return "\0" not in capability.name


def _columns(keys: Sequence[Key]) -> tuple[list[str], list[str]]:
    return [kind.value for kind, _ in keys], [name for _, name in keys]


def _key(row: Row) -> Key:
    return CapabilityKind(row["kind"]), row["name"]


def _known(row: Row) -> Known:
    return Known(row["hash"], row["approved_hash"], row["present"])
