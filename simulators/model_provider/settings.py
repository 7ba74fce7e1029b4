"""What can be chosen when the simulated provider starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from simulators.model_provider.calls import MEMORY
from simulators.model_provider.limits import Limit

DEFAULT_MODEL = "longhaul-simulated"
MOST_CHUNKS = 4000


class Profile(StrEnum):
    """How the model answers when no scripted fault applies."""

    RULES = "rules"
    """Right, by the rules of `rules/`."""
    SCRIPTED = "scripted"
    """Wrong at first in ways a careful caller recovers from; see `scripted.py`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one server.

    Attributes:
        profile: How to answer.
        log_path: File that every call is appended to, None for memory only.
        memory: How many calls are kept in memory.
        api_keys: Keys that are let in; empty for anyone.
        models: Models that exist; empty for any name.
        limit: What each account may do; None to announce limits but hold nobody to them.
        limits: Limits of single accounts, by API key, in place of `limit`.
        chunks: Answer everybody the same text of so many pieces (at most `MOST_CHUNKS`), for benchmarks.
    """

    profile: Profile = Profile.RULES
    log_path: Path | None = None
    memory: int = MEMORY
    api_keys: frozenset[str] = frozenset()
    models: tuple[str, ...] = ()
    limit: Limit | None = None
    limits: Mapping[str, Limit] = field(default_factory=dict[str, Limit])
    chunks: int | None = None
