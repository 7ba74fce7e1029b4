"""Where master keys come from: a setting, or for development a file that the first process makes."""

import base64
import binascii
import os
import secrets
import stat
from pathlib import Path

from services.vault.errors import KeysInvalid
from services.vault.vault import KEY_BYTES, Vault

_LOCAL_ID = "local"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def open_vault(text: str | None, file: Path) -> Vault:
    """Return the vault of a setting; of a file, made at need, where nothing is set.

    Raises:
        KeysInvalid: The setting or the file cannot be used.
    """
    return load_or_create(file) if text is None else parse_keys(text)


def parse_keys(text: str) -> Vault:
    """Read `id:key,id2:key2`, keys as 32 bytes in base64url with or without padding. The first one seals.

    Raises:
        KeysInvalid: It is spelled differently, or an id occurs twice.
    """
    entries = [entry.strip().partition(":") for entry in text.split(",")]
    keys = {key_id: _decoded(encoded) for key_id, _, encoded in entries}
    if len(keys) != len(entries):
        raise KeysInvalid("a master key's id occurs twice")
    return Vault(keys, active=entries[0][0])


def load_or_create(path: Path) -> Vault:
    """Return the vault of a file of keys, spelled as in `parse_keys`; made with one random key if it is not there.

    Processes that start at the same time all get the key of the one that was first.

    Raises:
        KeysInvalid: The file is not such a file, or others may read it.
    """
    if not path.exists():
        _create(path)
    if path.stat().st_mode & _OTHERS:
        raise KeysInvalid(f"others may read {path.name}: its mode must be 0600")
    return parse_keys(path.read_text("ascii", "replace").strip())


def _create(path: Path) -> None:
    """Write a whole file aside and link it into place: it is never seen half written, and the first one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(f"{_LOCAL_ID}:{key}\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(aside)
    except FileExistsError:
        pass
    finally:
        aside.unlink(missing_ok=True)


def _decoded(encoded: str) -> bytes:
    padded = encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4)
    try:
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise KeysInvalid("a master key is not spelled in base64url") from None
