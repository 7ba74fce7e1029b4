"""Where things are: the API, and Temporal for the commands shown to the user.

The command has no settings of its own; `make run` hands these over in the environment.
"""

import os
from dataclasses import dataclass

DEFAULT_API = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Place:
    """The API's address, and what `temporal` must be told to reach the same server; None where it needs nothing."""

    api: str
    temporal_address: str | None = None
    temporal_namespace: str | None = None

    def temporal(self, verb: str) -> str:
        """Return a `temporal workflow` command up to its own arguments."""
        parts = ["temporal workflow", verb]
        if self.temporal_address not in (None, "127.0.0.1:7233", "localhost:7233"):
            parts.append(f"--address {self.temporal_address}")
        if self.temporal_namespace not in (None, "default"):
            parts.append(f"--namespace {self.temporal_namespace}")
        return " ".join(parts)


def place(api: str | None) -> Place:
    """Return the place: the API as given, else from LONGHAUL_API_URL, else the usual one."""
    return Place(
        api=(api or os.environ.get("LONGHAUL_API_URL") or DEFAULT_API).rstrip("/"),
        temporal_address=os.environ.get("TEMPORAL_ADDRESS"),
        temporal_namespace=os.environ.get("TEMPORAL_NAMESPACE"),
    )
