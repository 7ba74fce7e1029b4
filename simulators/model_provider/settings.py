"""What can be chosen when the simulated provider starts."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

DEFAULT_MODEL = "longhaul-simulated"


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
        api_keys: Bearer tokens that are let in; empty for anyone.
        models: Models that exist; empty for any name.
        requests_per_minute: Bound per bearer token, answered by 429 beyond; None to announce one but not enforce it.
    """

    profile: Profile = Profile.RULES
    log_path: Path | None = None
    api_keys: frozenset[str] = frozenset()
    models: tuple[str, ...] = ()
    requests_per_minute: int | None = None
