"""The pepper: what secrets are hashed with, so that a stolen database alone tells nothing about a guessed one.

One row of `identity_secret`, sealed by the vault, made by whichever process needs it first and never changed: keys and
refresh tokens would all be lost with it.
"""

import hashlib
import hmac
import secrets
from typing import Final

from services.storage.database import Database
from services.storage.statements import Statements
from services.vault.vault import Vault

_ID: Final = "pepper"
_BOUND_TO: Final = f"identity_secret/{_ID}"
_BYTES: Final = 32
_READ: Final = f"SELECT sealed FROM identity_secret WHERE id = '{_ID}'"  # noqa: S608  our own word
_ADD: Final = f"""
    INSERT INTO identity_secret (id, kind, sealed) VALUES ('{_ID}', 'pepper', $1)
    ON CONFLICT DO NOTHING"""  # noqa: S608  our own word


class Pepper:
    """The pepper, read once a process."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault
        self._known: bytes | None = None

    async def digest(self, secret: str) -> bytes:
        """Return a secret as it is stored.

        Raises:
            Unavailable: The pepper is not known yet, and the database does not answer.
            VaultError: It is sealed under a master key that is not at hand.
        """
        if self._known is None:
            self._known = await pepper_of(self._db, self._vault)
        return digest(self._known, secret)


def digest(pepper: bytes, secret: str) -> bytes:
    """Return the HMAC-SHA-256 of a secret."""
    return hmac.new(pepper, secret.encode(), hashlib.sha256).digest()


async def pepper_of(where: Statements, vault: Vault) -> bytes:
    """Return the pepper, made at need.

    Raises:
        Unavailable: The database does not answer.
        VaultError: It is sealed under a master key that is not at hand.
    """
    rows = await where.fetch(_READ)
    if not rows:
        await where.fetch(_ADD, vault.seal(secrets.token_bytes(_BYTES), bound_to=_BOUND_TO))
        rows = await where.fetch(_READ)
    return vault.open(bytes(rows[0]["sealed"]), bound_to=_BOUND_TO)
