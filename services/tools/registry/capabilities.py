"""What the servers offer, as the database has it: what may be used, what a step is bound to, every contract ever seen.

A capability may be used while its server lists it, its present contract is the approved one, its server is not disabled
and is open to the owner. Fingerprints are taken when a list is read and never made again from what is stored: JSON may
spell a number in more than one way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.tool_server import ServerOptions
from domain.tools import Action, ActionType, Capability, CapabilityKind, Effect, Pin, effect_of
from services.storage.driver import Row
from services.storage.statements import Statements
from services.tools import presets
from services.tools.client.uri_templates import matches

USABLE_LIMIT = 5000
"""Capabilities that one look-up returns; servers take turns, so that none crowds out another."""
BYTES_LIMIT = 16 * 1024 * 1024
"""Bytes of contracts that one look-up returns."""
NAMES_LIMIT = 2000
"""Capabilities of one server whose names are looked at."""

KINDS: Mapping[ActionType, tuple[CapabilityKind, ...]] = {
    ActionType.TOOL: (CapabilityKind.TOOL,),
    ActionType.RESOURCE: (CapabilityKind.RESOURCE, CapabilityKind.RESOURCE_TEMPLATE),
    ActionType.PROMPT: (CapabilityKind.PROMPT,),
}
"""The kinds that an action may find, in the order in which they are tried."""


MayUse = Callable[[str, str], bool]
"""Whether somebody may use what a server, named first, offers by a name."""


def everything(_server: str, _name: str) -> bool:
    """Whether somebody may use it who may use everything."""
    return True


@dataclass(frozen=True)
class Usable:
    """A capability that may be used, and its server. `pin`: what a step planned now is bound to."""

    server: str
    options: ServerOptions
    capability: Capability
    pin: Pin


@dataclass(frozen=True)
class Found(Usable):
    """A capability, whether it may be used or not. The pin's hash is the present contract's.

    Attributes:
        approved: Whether the present contract is the approved one.
        present: Whether the server listed it when it was last read.
        server_disabled: Whether its server may not be used at all.
    """

    approved: bool
    present: bool
    server_disabled: bool

    def schema_for(self, action: Action) -> dict[str, Any] | None:
        """Return the schema of an action's arguments; None: it takes none, as a resource named by its own URI."""
        kind = self.capability.kind
        by_uri = kind is CapabilityKind.RESOURCE_TEMPLATE and action.name != self.capability.name
        return None if by_uri or kind is CapabilityKind.RESOURCE else self.capability.input_schema

    @property
    def usable(self) -> bool:
        """Whether it may be called."""
        return self.approved and self.present and not self.server_disabled


@dataclass(frozen=True)
class Door:
    """A server as far as an owner may know of it."""

    id: str
    disabled: bool


_OPEN_TO = "(coalesce(s.options->'owners', 'null') = 'null' OR s.options->'owners' ? $1)"
_COLUMNS = """c.server, c.kind, c.name, c.hash, c.approved_hash, c.effect, c.present, s.options, s.disabled,
    k.capability"""
_FROM = """tool_capability c JOIN tool_server s ON s.id = c.server JOIN tool_contract k ON k.hash = c.hash"""
_USABLE = f"""
    WITH numbered AS (
        SELECT {_COLUMNS}, row_number() OVER (PARTITION BY c.server ORDER BY c.kind DESC, c.name) AS turn
        FROM {_FROM}
        WHERE {_OPEN_TO} AND c.present AND c.hash = c.approved_hash AND NOT s.disabled
            AND ($2::text[] IS NULL OR c.server = ANY($2))
        ORDER BY turn, c.server LIMIT $3
    ), weighed AS (
        SELECT *, sum(octet_length(capability::text)) OVER (ORDER BY turn, server) AS bytes FROM numbered
    )
    SELECT * FROM weighed WHERE bytes <= {BYTES_LIMIT} ORDER BY server, kind DESC, name"""  # noqa: S608  our constants
_NAMED = f"""
    SELECT {_COLUMNS} FROM {_FROM}
    WHERE {_OPEN_TO} AND (c.server, c.kind, c.name) IN (SELECT * FROM unnest($2::text[], $3::text[], $4::text[]))
    """  # noqa: S608  our own constants
_TEMPLATES = f"""
    SELECT {_COLUMNS} FROM {_FROM}
    WHERE {_OPEN_TO} AND c.server = ANY($2::text[]) AND c.kind = 'resource_template'
    ORDER BY c.server, c.present DESC, c.name LIMIT {NAMES_LIMIT}"""  # noqa: S608  our own constants
_DOORS = f"SELECT s.id, s.disabled FROM tool_server s WHERE {_OPEN_TO} AND s.id = ANY($2)"  # noqa: S608  our own
_NAMES = f"""
    SELECT name FROM tool_capability WHERE server = $1 AND kind = ANY($2::text[]) AND present AND hash = approved_hash
    ORDER BY name LIMIT {NAMES_LIMIT}"""  # noqa: S608  our own constants
_CONTRACT = "SELECT capability FROM tool_contract WHERE hash = $1"


async def usable(
    where: Statements, owner: str, servers: Sequence[str] | None = None, *, limit: int = USABLE_LIMIT
) -> list[Usable]:
    """Return what an owner may use now, by server and name.

    Args:
        where: The database.
        owner: Who asks.
        servers: The servers to look at; None: all.
        limit: How many are returned at most.
    """
    chosen = None if servers is None else list(servers)
    return [_found(row) for row in await where.fetch(_USABLE, owner, chosen, limit)]


async def find(where: Statements, action: Action, owner: str) -> Found | None:
    """Return what an action names, whether it may be used or not; None: the owner has no such thing.

    A resource is found by its exact URI, else by a template that it matches.
    """
    return (await find_all(where, (action,), owner)).get(action)


async def find_all(where: Statements, actions: Sequence[Action], owner: str) -> dict[Action, Found]:
    """Return `find`'s answer for each action that has one, in two statements at most."""
    keys = [(action.server, kind.value, action.name) for action in actions for kind in KINDS[action.type]]
    columns = [list(column) for column in zip(*keys, strict=True)] or [[], [], []]
    rows = [_found(row) for row in await where.fetch(_NAMED, owner, *columns)]
    exact = {(row.server, *row.capability.key): row for row in rows}
    found: dict[Action, Found] = {}
    for action in actions:
        for kind in KINDS[action.type]:
            named = exact.get((action.server, kind, action.name))
            if named is not None and _better(named, found.get(action)):
                found[action] = named
    await _add_templates(where, actions, owner, found)
    return found


async def _add_templates(where: Statements, actions: Sequence[Action], owner: str, found: dict[Action, Found]) -> None:
    """Find templates for the resources that have no usable row of their own."""
    open_actions = [
        action
        for action in actions
        if action.type is ActionType.RESOURCE and (action not in found or not found[action].usable)
    ]
    if not open_actions:
        return
    servers = sorted({action.server for action in open_actions})
    templates = [_found(row) for row in await where.fetch(_TEMPLATES, owner, servers)]
    for action in open_actions:
        for template in templates:
            fits = template.server == action.server and matches(template.capability.name, action.name)
            if fits and _better(template, found.get(action)):
                found[action] = template


def _better(one: Found, other: Found | None) -> bool:
    return other is None or (one.usable, one.present) > (other.usable, other.present)


async def doors(where: Statements, owner: str, servers: Sequence[str]) -> dict[str, Door]:
    """Return those of the named servers that are open to the owner, disabled or not."""
    rows = await where.fetch(_DOORS, owner, list(servers))
    return {row["id"]: Door(row["id"], row["disabled"]) for row in rows}


async def names(where: Statements, server: str, action_type: ActionType) -> list[str]:
    """Return the names of what a server offers for one type of action, as far as it may be used."""
    kinds = [kind.value for kind in KINDS[action_type]]
    return [row["name"] for row in await where.fetch(_NAMES, server, kinds)]


async def contract(where: Statements, hash_: str) -> Capability | None:
    """Return the capability of a fingerprint, as it was when it was seen; None: it never was."""
    rows = await where.fetch(_CONTRACT, hash_)
    return Capability.model_validate(rows[0]["capability"]) if rows else None


def _found(row: Row) -> Found:
    options = ServerOptions.model_validate(row["options"])
    capability = Capability.model_validate(row["capability"])
    return Found(
        server=row["server"],
        options=options,
        capability=capability,
        pin=_pin(row, options, capability),
        approved=row["hash"] == row["approved_hash"],
        present=row["present"],
        server_disabled=row["disabled"],
    )


def _pin(row: Row, options: ServerOptions, capability: Capability) -> Pin:
    """Return what `pin_of` would, with the hash that was taken when the list was read, and the admin's own list."""
    override = None if row["effect"] is None else Effect(row["effect"])
    says_idempotent = options.trusted and bool(capability.annotations.idempotent)
    listed = (*options.idempotent, *(presets.idempotent(options.preset) if options.preset else ()))
    return Pin(
        hash=row["hash"],
        kind=capability.kind,
        capability=capability.name,
        effect=effect_of(capability, trusted=options.trusted, override=override),
        idempotent=says_idempotent or (capability.kind is CapabilityKind.TOOL and capability.name in listed),
    )
