"""What a planner gets to see of the tools: the few that fit the request, their texts cleaned and cut."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from domain.documents import ToolOffer
from domain.hidden import strip_hidden
from domain.schema_view import DEPTH_LIMIT, within
from domain.shortlist import DESCRIPTION_CHARS, Entry, rank
from domain.tools import ActionType, CapabilityKind, Effect
from services.storage.statements import Statements
from services.tools.registry import capabilities
from services.tools.registry.capabilities import MayUse, Usable, everything

OFFERS = 12
SHOWN_CHARS = 500
"""Characters of a description that a planner gets to see."""
SCHEMA_BYTES = 4 * 1024
TOTAL_BYTES = 48 * 1024
"""Bytes of JSON that all offers have together."""

_ACTIONS = {
    CapabilityKind.TOOL: ActionType.TOOL,
    CapabilityKind.RESOURCE: ActionType.RESOURCE,
    CapabilityKind.RESOURCE_TEMPLATE: ActionType.RESOURCE,
    CapabilityKind.PROMPT: ActionType.PROMPT,
}


async def offers(
    where: Statements,
    owner: str,
    servers: tuple[str, ...] | None,
    query: str,
    *,
    limit: int = OFFERS,
    may_use: MayUse = everything,
) -> tuple[ToolOffer, ...]:
    """Return what an owner's plan may use, best matches first.

    Args:
        where: The database.
        owner: Whose request it is.
        servers: The servers that the request may use; None for all that the owner may use.
        query: What the request wants, in words.
        limit: How many are offered at most.
        may_use: What is left out, because the owner may not use it.
    """
    found = await capabilities.usable(where, owner, servers)
    rows = [row for row in found if _is_plain(row.capability.name) and may_use(row.server, row.capability.name)]
    if not rows:
        return ()
    return await asyncio.to_thread(_offers, rows, query, limit)


def _is_plain(name: str) -> bool:
    """Return whether a planner can spell a name: one with hidden characters it would copy wrongly."""
    return strip_hidden(name)[1] == 0


def _offers(rows: Sequence[Usable], query: str, limit: int) -> tuple[ToolOffer, ...]:
    entries = [
        Entry(
            row.server,
            row.capability.name,
            f"{row.capability.title or ''} {row.capability.description[:DESCRIPTION_CHARS]}",
            row.pin.effect is Effect.READ,
        )
        for row in rows
    ]
    return _fitting(offer(rows[number]) for number in rank(query, entries, limit))


def offer(row: Usable) -> ToolOffer:
    """Return one capability as a planner sees it."""
    capability = row.capability
    schema = capability.input_schema
    return ToolOffer(
        mcp_target_server_id=row.server,
        mcp_action_type=_ACTIONS[capability.kind],
        mcp_action_name=capability.name,
        description=_shown(capability.description or capability.title or ""),
        effect=row.pin.effect,
        input_schema=None if schema is None else within(cast("dict[str, Any]", _clean(schema, 0)), SCHEMA_BYTES),
    )


def _shown(text: str) -> str:
    return strip_hidden(text)[0].strip()[:SHOWN_CHARS]


def _clean(value: object, depth: int) -> object:
    """Strip hidden characters from every text of a schema, its names among them."""
    if isinstance(value, str):
        return strip_hidden(value)[0]
    if depth > 2 * DEPTH_LIMIT:
        return None
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, object]", value)
        return {strip_hidden(name)[0]: _clean(field, depth + 1) for name, field in fields.items()}
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in cast("list[object]", value)]
    return value


def _fitting(found: Iterable[ToolOffer]) -> tuple[ToolOffer, ...]:
    """Take away the last schemas, then the last offers, until all fit into what they may have together."""
    shown = list(found)
    for number in reversed(range(len(shown))):
        if _size(shown) <= TOTAL_BYTES:
            break
        shown[number] = shown[number].model_copy(update={"input_schema": None})
    while _size(shown) > TOTAL_BYTES:
        shown.pop()
    return tuple(shown)


def _size(shown: Iterable[ToolOffer]) -> int:
    return sum(len(item.model_dump_json().encode(errors="replace")) for item in shown)
