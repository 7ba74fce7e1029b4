"""What can be chosen when the simulated Jira and Confluence start."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one server.

    Attributes:
        log_path: File that every write is appended to, None for memory only.
        tokens: Bearer tokens that may do all; empty for any token, but never for none.
        read_only_tokens: Bearer tokens that may read; a write is answered by 403.
    """

    log_path: Path | None = None
    tokens: frozenset[str] = frozenset()
    read_only_tokens: frozenset[str] = frozenset()
