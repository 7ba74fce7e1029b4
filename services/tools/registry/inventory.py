"""The registry as admins see it: every capability, its contract and approval; approving, and saying what one does.

Texts are the servers' own: data for people to judge.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.errors import Conflict, InvalidInput, NotFound
from domain.tool_server import ServerOptions
from domain.tools import Annotations, Capability, CapabilityKind, Change, Effect, difference, effect_of
from domain.value import Value
from services.storage.driver import Row
from services.storage.statements import Statements

PAGE_BYTES = 4 * 1024 * 1024
"""Bytes of contracts after which a page ends early."""

_LIST = """
    SELECT c.server, c.kind, c.name, c.hash, c.approved_hash, c.effect, c.present, c.first_seen, c.last_seen, s.options,
        k.capability, a.capability AS approved
    FROM tool_capability c JOIN tool_server s ON s.id = c.server JOIN tool_contract k ON k.hash = c.hash
        LEFT JOIN tool_contract a ON a.hash = c.approved_hash AND c.approved_hash <> c.hash
    WHERE ($1::text IS NULL OR c.server = $1)
        AND (c.server, c.kind, c.name) > ($2, $3, $4)
        AND CASE $5::text
            WHEN 'approved' THEN c.present AND c.hash = c.approved_hash
            WHEN 'new' THEN c.present AND c.approved_hash IS NULL
            WHEN 'changed' THEN c.present AND c.hash <> c.approved_hash
            WHEN 'gone' THEN NOT c.present
            ELSE true END
        AND NOT EXISTS (SELECT FROM unnest($6::text[]) AS word WHERE position(word IN
            lower(concat_ws(' ', c.name, k.capability->>'title', k.capability->>'description'))) = 0)
    ORDER BY c.server, c.kind, c.name LIMIT $7"""
_APPROVE = """
    UPDATE tool_capability SET approved_hash = hash
    WHERE server = $1 AND kind = $2 AND name = $3 AND hash = $4 AND present RETURNING hash"""
_EFFECT = "UPDATE tool_capability SET effect = $4 WHERE server = $1 AND kind = $2 AND name = $3 RETURNING hash"
_ONE = "SELECT hash, present FROM tool_capability WHERE server = $1 AND kind = $2 AND name = $3"
_WORDS = 10


class Approval(StrEnum):
    """Where a capability stands."""

    APPROVED = "approved"
    """It may be used."""
    NEW = "new"
    """It was never approved."""
    CHANGED = "changed"
    """It is not what was approved."""
    GONE = "gone"
    """The server lists it no more."""


class ToolKey(Value):
    """What names a capability."""

    server: str
    kind: CapabilityKind
    name: str


class ToolView(ToolKey):
    """A capability with its contract.

    Attributes:
        hash: The present contract's fingerprint: what an approval names.
        effect: What calling it does, by all that is known; `effect_override`: what an admin said.
        changes: How it differs from what was approved.
    """

    title: str | None
    description: str
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None
    annotations: Annotations
    hash: str
    approval: Approval
    approved_hash: str | None
    effect: Effect
    effect_override: Effect | None
    changes: tuple[Change, ...]
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True)
class ToolFilter:
    """What a list is narrowed to. `query`: words of the name, title or description."""

    server: str | None = None
    query: str | None = None
    approval: Approval | None = None


async def page(
    where: Statements, narrowed: ToolFilter, cursor: str | None = None, limit: int = 50
) -> tuple[list[ToolView], str | None]:
    """Return capabilities by server, kind and name, and the cursor of the next page; None: this was the last.

    Raises:
        InvalidInput: The cursor is not one of ours.
    """
    after = _position(cursor)
    words = [word.lower() for word in (narrowed.query or "").split()[:_WORDS]]
    rows = await where.fetch(_LIST, narrowed.server, *after, narrowed.approval, words, limit + 1)
    views = _fitting(rows[:limit])
    more = len(views) < len(rows)
    return views, _cursor(views[-1]) if more and views else None


async def approve(where: Statements, key: ToolKey, hash_: str) -> None:
    """Approve a capability as it is.

    Args:
        where: The database.
        key: The capability.
        hash_: The fingerprint of the contract that was looked at.

    Raises:
        NotFound: There is no such capability.
        Conflict: It has another contract by now, or is gone.
    """
    name = (key.server, key.kind.value, key.name)
    if await where.fetch(_APPROVE, *name, hash_):
        return
    rows = await where.fetch(_ONE, *name)
    if not rows:
        raise _unknown()
    if not rows[0]["present"]:
        raise Conflict("the server offers it no more")
    raise Conflict("it has changed since you looked at it: read it again")


async def set_effect(where: Statements, key: ToolKey, effect: Effect | None) -> None:
    """Say what a capability does to the world; None: go by its server's trust and its own hints again.

    Raises:
        NotFound: There is no such capability.
    """
    said = None if effect is None else effect.value
    if not await where.fetch(_EFFECT, key.server, key.kind.value, key.name, said):
        raise _unknown()


def _unknown() -> NotFound:
    return NotFound("there is no such tool, resource or prompt")


def _fitting(rows: list[Row]) -> list[ToolView]:
    """Return views until their contracts are too much for one page."""
    views: list[ToolView] = []
    size = 0
    for row in rows:
        size += len(json.dumps(row["capability"]))
        if views and size > PAGE_BYTES:
            break
        views.append(_view(row))
    return views


def _view(row: Row) -> ToolView:
    capability = Capability.model_validate(row["capability"])
    approved = None if row["approved"] is None else Capability.model_validate(row["approved"])
    override = None if row["effect"] is None else Effect(row["effect"])
    options = ServerOptions.model_validate(row["options"])
    return ToolView(
        server=row["server"],
        **capability.model_dump(),
        hash=row["hash"],
        approval=_approval(row),
        approved_hash=row["approved_hash"],
        effect=effect_of(capability, trusted=options.trusted, override=override),
        effect_override=override,
        changes=() if approved is None else difference(approved, capability),
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
    )


def _approval(row: Row) -> Approval:
    if not row["present"]:
        return Approval.GONE
    if row["approved_hash"] is None:
        return Approval.NEW
    return Approval.APPROVED if row["approved_hash"] == row["hash"] else Approval.CHANGED


def _cursor(last: ToolView) -> str:
    position = json.dumps([last.server, last.kind.value, last.name])
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _position(cursor: str | None) -> tuple[str, str, str]:
    """Return the place after which a page begins."""
    if cursor is None:
        return "", "", ""
    try:
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        server, kind, name = json.loads(decoded)
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput("the cursor is not one of ours") from None
    if not all(isinstance(part, str) and part.isprintable() for part in (server, kind, name)):
        raise InvalidInput("the cursor is not one of ours")
    return server, kind, name
