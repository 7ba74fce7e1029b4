"""Where things are: the API, and Temporal for the commands shown to the user.

The command has no settings of its own; `make run` hands these over in the environment.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_API = "http://127.0.0.1:8080"
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})
DEFAULT_STATE = Path(__file__).resolve().parents[1] / ".longhaul"


@dataclass(frozen=True)
class Place:
    """The API's address, and what `temporal` must be told to reach the same server; None where it needs nothing.

    `key`: the API key, None: there is none to be found.
    """

    api: str
    temporal_address: str | None = None
    temporal_namespace: str | None = None
    key: str | None = field(default=None, repr=False)

    def temporal(self, verb: str) -> str:
        """Return a `temporal workflow` command up to its own arguments."""
        parts = ["temporal workflow", verb]
        if self.temporal_address not in (None, "127.0.0.1:7233", "localhost:7233"):
            parts.append(f"--address {self.temporal_address}")
        if self.temporal_namespace not in (None, "default"):
            parts.append(f"--namespace {self.temporal_namespace}")
        return " ".join(parts)


def place(api: str | None) -> Place:
    """Return the place: the API as given, else from LONGHAUL_API_URL, else the usual one.

    The key is that of LONGHAUL_API_KEY; for an API of this machine else the one that `make run` keeps.
    """
    url = (api or os.environ.get("LONGHAUL_API_URL") or DEFAULT_API).rstrip("/")
    return Place(
        api=url,
        key=os.environ.get("LONGHAUL_API_KEY") or (_kept_key() if _is_here(url) else None),
        temporal_address=os.environ.get("TEMPORAL_ADDRESS"),
        temporal_namespace=os.environ.get("TEMPORAL_NAMESPACE"),
    )


def _is_here(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _HERE
    except ValueError:
        return False


def _kept_key() -> str | None:
    folder = DEFAULT_STATE.parent / Path(os.environ.get("LONGHAUL_STATE_DIR") or DEFAULT_STATE).expanduser()
    try:
        return (folder / "admin.key").read_text("ascii", "replace").strip() or None
    except OSError:
        return None
