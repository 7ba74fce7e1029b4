"""What has changed between what a server offered and what it lists now, as a pure decision."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.tools import Capability, CapabilityKind, fingerprint

Key = tuple[CapabilityKind, str]

SHRUNK_LEAST = 3
SHRUNK_PART = 3
"""A list that lost at least so many, and more than one part in so many, is suspicious."""


class Movement(StrEnum):
    """What became of a capability."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    RETURNED = "returned"


@dataclass(frozen=True)
class Known:
    """A capability as the registry has it."""

    hash: str
    approved_hash: str | None
    present: bool


@dataclass(frozen=True)
class Moved:
    """One change."""

    key: Key
    movement: Movement
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Listed:
    """A capability as the server lists it now. `approved`: the hash that is approved from now on."""

    capability: Capability
    hash: str
    approved: str | None


@dataclass(frozen=True)
class Drift:
    """All that a list brings: what is there now, what is gone, what changed."""

    listed: tuple[Listed, ...]
    gone: tuple[Key, ...]
    moves: tuple[Moved, ...]

    def count(self, *movements: Movement) -> int:
        """Return how many changes are of these kinds."""
        return sum(move.movement in movements for move in self.moves)


def has_shrunk(present: Iterable[Key], listed: Iterable[Key]) -> bool:
    """Whether a list lost so much that it is likely to be a fault: it is read again before anything is disabled."""
    before = frozenset(present)
    lost = len(before.difference(listed))
    return lost >= SHRUNK_LEAST and lost * SHRUNK_PART > len(before)


def drift(known: Mapping[Key, Known], capabilities: Iterable[Capability], *, approve_new: bool) -> Drift:
    """Compare a list with the registry.

    What is approved stays approved under its hash: a contract that comes back is approved again, another one is not.

    Args:
        known: The registry's rows of the server.
        capabilities: What the server lists; of two with one key the first counts.
        approve_new: Whether what was never seen is approved.
    """
    now: dict[Key, Listed] = {}
    for capability in capabilities:
        if capability.key not in now:
            now[capability.key] = _listed(capability, known.get(capability.key), approve_new=approve_new)
    gone = tuple(key for key, row in known.items() if row.present and key not in now)
    moves = [move for key, listed in now.items() if (move := _move(key, known.get(key), listed)) is not None]
    moves += [Moved(key, Movement.REMOVED, known[key].hash, None) for key in gone]
    return Drift(tuple(now.values()), gone, tuple(moves))


def _listed(capability: Capability, known: Known | None, *, approve_new: bool) -> Listed:
    made = fingerprint(capability)
    if known is not None:
        return Listed(capability, made, known.approved_hash)
    return Listed(capability, made, made if approve_new else None)


def _move(key: Key, known: Known | None, listed: Listed) -> Moved | None:
    if known is None:
        return Moved(key, Movement.ADDED, None, listed.hash)
    if not known.present:
        return Moved(key, Movement.RETURNED, known.hash, listed.hash)
    if known.hash != listed.hash:
        return Moved(key, Movement.CHANGED, known.hash, listed.hash)
    return None
