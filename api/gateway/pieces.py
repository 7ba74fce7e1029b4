"""What is heard of a call: pieces of its answer, and its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from domain.gateway import CallOutcome

Chunk = Mapping[str, Any]
"""A chunk of a chat's answer (`domain.completion`)."""


class CacheUse(StrEnum):
    """What the result cache did, the value of `x-longhaul-cache`."""

    HIT = "HIT"
    MISS = "MISS"
    BYPASS = "BYPASS"


@dataclass(frozen=True, slots=True)
class Piece:
    """Chunks of the answer, numbered from `first` within attempt `n`; a higher `n` starts anew."""

    n: int
    first: int
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class End:
    """The call's end. `chunks`: all of the answer's, `body`: the answer of a call that has none (embeddings)."""

    outcome: CallOutcome
    chunks: tuple[Chunk, ...] = ()
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody is in an answer: chunk `after` of attempt `n` is the last that they have; -1: none."""

    n: int = 1
    after: int = -1


START: Final = Place()
"""Nobody has anything yet."""


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Return pieces that follow each other as one for each attempt."""
    runs: list[list[Piece]] = []
    for piece in pieces:
        if runs and runs[-1][0].n == piece.n:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return [_one(run) for run in runs]


def _one(run: list[Piece]) -> Piece:
    if len(run) == 1:
        return run[0]
    return Piece(run[0].n, run[0].first, tuple(chunk for piece in run for chunk in piece.chunks))
