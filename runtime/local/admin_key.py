"""The first admin's key on this machine: of a setting, or made at the first start and kept in the state folder."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from domain.api_keys import PUBLIC_BYTES, SECRET_BYTES, SpelledKey, parse_key, secret_of
from runtime.local.errors import LocalError
from runtime.settings import Settings

NAME: Final = "admin.key"
"""Of the file, in the state folder; the command reads it there, too."""

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def admin_key(settings: Settings) -> tuple[str, bool]:
    """Return the key, and whether it was made this moment.

    Raises:
        LocalError: The file does not hold a key, or others may read it.
    """
    if settings.admin_key is not None:
        return settings.admin_key.get_secret_value(), False
    file = settings.state_dir / NAME
    made = not file.exists()
    if made:
        _keep(file, SpelledKey(secrets.token_hex(PUBLIC_BYTES), secret_of(secrets.token_bytes(SECRET_BYTES))).text)
    if file.stat().st_mode & _OTHERS:
        raise LocalError(f"others may read {file}: its mode must be 0600")
    key = file.read_text("ascii", "replace").strip()
    if parse_key(key) is None:
        raise LocalError(f"{file} does not hold an API key: remove it to get a new one")
    return key, made


def _keep(file: Path, key: str) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as writing:
        writing.write(f"{key}\n")
    aside.rename(file)
