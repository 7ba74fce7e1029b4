"""What may be used of the things that are granted by name: models, tools, knowledge bases, wallets.

A grant is a pattern (`*` and `?` as in file names) for one kind of thing, given to a role, a user or a key. A user has
what any of their roles or their own grants give; a key narrows that, and never widens it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase


class GrantKind(StrEnum):
    """What is granted."""

    MODEL = "model"
    TOOL = "tool"
    KNOWLEDGE_BASE = "knowledge_base"
    WALLET = "wallet"


@dataclass(frozen=True)
class Grants:
    """Patterns by kind, in layers: a thing may be used when every layer has a pattern for it.

    A layer without an entry for a kind says nothing about it.
    """

    layers: tuple[dict[GrantKind, tuple[str, ...]], ...] = field(default=())

    def allow(self, kind: GrantKind, name: str) -> bool:
        """Whether a thing may be used."""
        return all(_matches(layer.get(kind), name) for layer in self.layers)

    def allow_model(self, asked: str) -> bool:
        """Whether a model may be asked for: by the name as it is asked for, or by that without its `@version`."""
        name, at, _ = asked.rpartition("@")
        return self.allow(GrantKind.MODEL, asked) or bool(at and self.allow(GrantKind.MODEL, name))

    def narrowed(self, layer: dict[GrantKind, tuple[str, ...]]) -> "Grants":
        """Return these grants, less what another layer does not have."""
        return Grants((*self.layers, layer)) if layer else self


EVERYTHING = Grants()
"""No layer forbids anything."""


def union(given: Iterable[tuple[GrantKind, str]]) -> dict[GrantKind, tuple[str, ...]]:
    """Return the layer that roles and users make together: any of their patterns will do; no kind is left open."""
    found: dict[GrantKind, tuple[str, ...]] = dict.fromkeys(GrantKind, ())
    for kind, pattern in given:
        found[kind] = (*found[kind], pattern)
    return found


def _matches(patterns: tuple[str, ...] | None, name: str) -> bool:
    return patterns is None or any(fnmatchcase(name, pattern) for pattern in patterns)
