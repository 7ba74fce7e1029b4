"""Everything that a server offers, read page by page within bounds."""

import json
from typing import Any, cast

import mcp_types as types
from mcp import Client
from pydantic import ValidationError

from domain.errors import ToolAnswerInvalid, ToolMissing
from domain.tools import CAPABILITIES_LIMIT, Action, ActionType, Capability, CapabilityKind
from domain.value import Value
from services.tools.client.asking import ask
from services.tools.client.capabilities import KINDS, Kind, read, shown
from services.tools.client.connection import Connection
from services.tools.client.uri_templates import matches

LISTING_S = 30.0
"""Time for everything together."""
PAGES_LIMIT = 100
BYTES_LIMIT = 16 * 1024 * 1024
REFUSED_LIMIT = 200

_KINDS_OF = {
    ActionType.TOOL: (CapabilityKind.TOOL,),
    ActionType.PROMPT: (CapabilityKind.PROMPT,),
    ActionType.RESOURCE: (CapabilityKind.RESOURCE, CapabilityKind.RESOURCE_TEMPLATE),
}


class Listing(Value):
    """What a server offered.

    Attributes:
        capabilities: At most `CAPABILITIES_LIMIT`, tools first.
        refused: What is listed and not taken: a name that can be shown, and the reason.
        notes: What else an admin should know, such as that the list was cut.
        server_name: What the server calls itself, and its version.
        protocol: The protocol's version that is spoken with it.
    """

    capabilities: tuple[Capability, ...]
    refused: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    server_name: str | None = None
    server_version: str | None = None
    protocol: str

    def find(self, action: Action) -> Capability | None:
        """Return what an action calls; a resource may be read through a template that makes its address."""
        kinds = _KINDS_OF[action.type]
        named = (one for one in self.capabilities if one.kind in kinds and one.name == action.name)
        return next(named, None) or self._template_of(action)

    def _template_of(self, action: Action) -> Capability | None:
        if action.type is not ActionType.RESOURCE:
            return None
        templates = (one for one in self.capabilities if one.kind is CapabilityKind.RESOURCE_TEMPLATE)
        return next((one for one in templates if matches(one.name, action.name)), None)


async def fetch(connection: Connection, deadline: float) -> Listing:
    """Read everything from the server.

    Raises:
        ToolError: It does not tell, or not until the deadline (on the event loop's clock).
    """
    taken: list[Capability] = []
    refused: list[tuple[str, str]] = []
    notes: list[str] = []
    listed = 0
    for kind in KINDS:
        if not _offers(connection.client, kind.kind):
            continue
        items, cut = await _items(connection, kind, deadline)
        good, odd = await read(kind, items, CAPABILITIES_LIMIT + REFUSED_LIMIT)
        listed += len(items)
        taken += good
        refused += odd
        notes += [f"the list of {kind.field} was cut: {cut}"] if cut else []
    if len(taken) > CAPABILITIES_LIMIT:
        notes.append(f"only {CAPABILITIES_LIMIT:,} of {listed:,} listed items are kept")
    if len(refused) > REFUSED_LIMIT:
        notes.append(f"{len(refused):,} items are refused")
    return _listing(connection.client, taken, refused, notes)


def _listing(client: Client, taken: list[Capability], refused: list[tuple[str, str]], notes: list[str]) -> Listing:
    server = client.server_info
    return Listing(
        capabilities=tuple(taken[:CAPABILITIES_LIMIT]),
        refused=tuple(refused[:REFUSED_LIMIT]),
        notes=tuple(notes),
        server_name=shown(server.name) if server else None,
        server_version=shown(server.version) if server else None,
        protocol=client.protocol_version,
    )


def _offers(client: Client, kind: CapabilityKind) -> bool:
    has = client.server_capabilities
    match kind:
        case CapabilityKind.TOOL:
            return has.tools is not None
        case CapabilityKind.PROMPT:
            return has.prompts is not None
        case _:
            return has.resources is not None


async def _items(connection: Connection, kind: Kind, deadline: float) -> tuple[list[Any], str | None]:
    """Return all items of a kind, and why there may be more."""
    items: list[Any] = []
    cursor: str | None = None
    seen: set[str] = set()
    size = 0
    for _ in range(PAGES_LIMIT):
        page = await _page(connection, kind, cursor, deadline)
        size += len(json.dumps(page))
        items += cast("list[object]", page[kind.field])
        cursor = page.get("nextCursor")
        if not isinstance(cursor, str):
            return items, None
        if cursor in seen:
            return items, "the server goes in circles"
        if len(items) > CAPABILITIES_LIMIT or size > BYTES_LIMIT:
            return items, "it is too long"
        seen.add(cursor)
    return items, "it has too many pages"


async def _page(connection: Connection, kind: Kind, cursor: str | None, deadline: float) -> dict[str, Any]:
    params = {} if cursor is None else {"cursor": cursor}
    try:
        page = await connection.ask(lambda client: _raw(client, kind, params), deadline)
    except ToolMissing:
        return {kind.field: []}  # servers declare a capability and lack one of its methods
    if not isinstance(page.get(kind.field), list):
        raise ToolAnswerInvalid(f"the server's answer to {kind.method} has no {kind.field}")
    return page


async def _raw(client: Client, kind: Kind, params: dict[str, Any]) -> dict[str, Any]:
    result = await ask(client, kind.method, params)
    if kind.kind is CapabilityKind.TOOL:
        _absorb(client, result.get(kind.field))
    return result


def _absorb(client: Client, items: Any) -> None:
    """Let the SDK know the tools' schemas: the new protocol repeats some arguments as HTTP headers."""
    tools: list[types.Tool] = []
    for item in cast("list[object]", items) if isinstance(items, list) else []:
        try:
            tools.append(types.Tool.model_validate(item, by_name=False))
        except ValidationError:
            continue  # refused later
    result = types.ListToolsResult(tools=tools)
    client.session._absorb_tool_listing(result, complete=False)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - `Client.list_tools` does so
