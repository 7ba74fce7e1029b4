"""What tool servers offer: tools, resources and prompts, what calling one does to the world, and how one is pinned.

Whatever a server says of itself is a stranger's text. Its annotations count only where an admin trusts the server; a
capability is identified by server, kind and name together, so no server can shadow another's.
"""

import hashlib
import json
from enum import StrEnum
from typing import Any

from domain.content import Text
from domain.value import Value

CAPABILITIES_LIMIT = 1000
"""Capabilities of one server that are kept; the rest of a longer list is ignored, and the server's state says so."""
NAME_LIMIT = 128
URI_LIMIT = 1000
DESCRIPTION_LIMIT = 20_000
"""Characters of a description that are kept; a model sees far fewer."""
SCHEMA_LIMIT = 64 * 1024
"""Bytes of JSON that a capability's schema may have."""


class CapabilityKind(StrEnum):
    """The kinds of things a server offers."""

    TOOL = "tool"
    RESOURCE = "resource"
    RESOURCE_TEMPLATE = "resource_template"
    PROMPT = "prompt"


class ActionType(StrEnum):
    """What a tool step does with its server (S1's mcpActionType)."""

    TOOL = "tool"
    RESOURCE = "resource"
    PROMPT = "prompt"


class Effect(StrEnum):
    """What an action does to the world, from mild to harsh."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


class Annotations(Value):
    """A tool's hints about itself (MCP's ToolAnnotations); None: not told."""

    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    open_world: bool | None = None


class Capability(Value):
    """One thing that a server offers.

    Attributes:
        name: A tool's or prompt's name, a resource's URI, a resource template's URI template (RFC 6570).
        input_schema: JSON Schema of the arguments; a prompt's and a template's are made from their parameters.
        output_schema: JSON Schema of a tool's structured result, if it tells one.
    """

    kind: CapabilityKind
    name: str
    title: str | None = None
    description: str = ""
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    annotations: Annotations = Annotations()

    @property
    def key(self) -> tuple[CapabilityKind, str]:
        """What identifies it within its server."""
        return self.kind, self.name


class Action(Value):
    """What a tool step calls: S1's mcpTargetServerId, mcpActionType and mcpActionName."""

    server: str
    type: ActionType
    name: str

    def __str__(self) -> str:
        """For people: `atlassian: jira_search`."""
        return f"{self.server}: {self.name}"


class Pin(Value):
    """What was approved when a step was planned: the contract's fingerprint, and what the call does to the world.

    `kind`: the registry's kind, so that a resource read through a template finds its row by `capability`.
    """

    hash: str
    kind: CapabilityKind
    capability: str
    effect: Effect
    idempotent: bool = False


class Change(Value):
    """One field of a capability that is no longer what it was; texts are cut for people to read."""

    field: str
    before: str | None
    after: str | None


class ReadyCall(Value):
    """A tool step's call as it will be made, and as people approve it: exact arguments, contract, retry rule.

    `arguments`: a JSON object. `effect` READ or `idempotent`: it may be repeated without looking.
    """

    arguments: Text
    pin: Pin

    @property
    def may_repeat(self) -> bool:
        """Whether a call that may have happened may be made again."""
        return self.pin.effect is Effect.READ or self.pin.idempotent

    @property
    def digest(self) -> str:
        """What an approval covers: this contract with these arguments, as SHA-256 in hex."""
        said = f"{self.pin.hash} {self.arguments.ref or self.arguments.text}"
        return hashlib.sha256(said.encode()).hexdigest()


FIELDS = ("title", "description", "input_schema", "output_schema", "annotations")
"""What a fingerprint covers, beside kind and name."""

_SHOWN = 4000


def fingerprint(capability: Capability) -> str:
    """Return `sha256:<hex>` of everything a capability says of itself, as canonical JSON (sorted keys, no spaces)."""
    canonical = json.dumps(capability.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode(errors='replace')).hexdigest()}"


def difference(before: Capability, after: Capability) -> tuple[Change, ...]:
    """Return the fields that differ."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return tuple(
        Change(field=name, before=_shown(old[name]), after=_shown(new[name]))
        for name in FIELDS
        if old[name] != new[name]
    )


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    return (value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False))[:_SHOWN]


def effect_of(capability: Capability, *, trusted: bool, override: Effect | None = None) -> Effect:
    """Return what calling it does to the world, by the most careful reading.

    Reading a resource or a prompt changes nothing. A tool of a server that is not trusted writes, whatever it says; a
    trusted one's hints count, and one that gives none writes and may destroy (the protocol's own defaults).

    Args:
        capability: What is called.
        trusted: Whether an admin believes the server's annotations.
        override: What an admin says it does, which wins.
    """
    if override is not None:
        return override
    if capability.kind is not CapabilityKind.TOOL:
        return Effect.READ
    if not trusted:
        return Effect.WRITE
    hints = capability.annotations
    if hints.read_only:
        return Effect.READ
    return Effect.WRITE if hints.destructive is False else Effect.DESTRUCTIVE


def pin_of(capability: Capability, *, trusted: bool, override: Effect | None = None) -> Pin:
    """Return the pin of a capability as it is now."""
    return Pin(
        hash=fingerprint(capability),
        kind=capability.kind,
        capability=capability.name,
        effect=effect_of(capability, trusted=trusted, override=override),
        idempotent=trusted and bool(capability.annotations.idempotent),
    )
