"""Settings as people may see them: no secret, no password in an address, no prompt."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from pydantic import HttpUrl, SecretStr

MASK: Final = "•••"
_PRIVATE: Final = frozenset({"message"})
"""What a user says is shown nowhere."""


def shown(key: str, value: object) -> str:
    """Return a setting's value fit for a terminal; empty: it is not set."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return _address(value.get_secret_value()) if key == "database_url" else MASK
    if isinstance(value, HttpUrl):
        return _address(str(value))
    return MASK if key in _PRIVATE else str(value)


def table(values: Mapping[str, str], given: frozenset[str]) -> str:
    """Return one line for each variable: its name, its value, and whether it was given or is a default."""
    width = max(map(len, values), default=0)
    lines = (
        f"{name.ljust(width)}  {value or '(unset)'}{'' if name in given else '  (default)'}"
        for name, value in values.items()
    )
    return "".join(f"{line}\n" for line in lines)


def _address(url: str) -> str:
    """Return an address without user, password and query, any of which may be a secret."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return MASK
    hidden = f"{MASK}@" if "@" in parts.netloc else ""
    return f"{parts.scheme}://{hidden}{host}{parts.path}{f'?{MASK}' if parts.query else ''}"
