"""Making keys: an id and a secret of random bytes, of which only the HMAC is kept."""

import secrets
from typing import Final

from domain.api_keys import PUBLIC_BYTES, SECRET_BYTES, SpelledKey, secret_of
from services.storage.statements import Statements

_ADD: Final = """
    INSERT INTO api_key_secret (key_id, generation, digest, rotation_id) VALUES ($1, $2, $3, $4)"""


def new_key(key_id: str | None = None) -> SpelledKey:
    """Return a new key; of `key_id`, only a new secret."""
    return SpelledKey(key_id or secrets.token_hex(PUBLIC_BYTES), secret_of(secrets.token_bytes(SECRET_BYTES)))


async def add_secret(
    where: Statements, key_id: str, generation: int, digest: bytes, rotation_id: str | None = None
) -> None:
    """Keep a key's newest secret."""
    await where.fetch(_ADD, key_id, generation, digest, rotation_id)
