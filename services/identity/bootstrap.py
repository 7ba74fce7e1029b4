"""The first start: the operating tenant and its first user are there (revision 0006), and get a key."""

from typing import Final

from domain.api_keys import SpelledKey, parse_key
from domain.caller import LOCAL_TENANT, LOCAL_USER
from domain.errors import InvalidInput, Problem
from services.identity.key_secrets import add_secret, new_key
from services.identity.pepper import digest, pepper_of
from services.storage.audit import Act, By, record
from services.storage.database import Tx
from services.vault.vault import Vault

_TURN: Final = "SELECT id FROM app_user WHERE id = $1 FOR UPDATE"
_ANY_KEY: Final = "SELECT id FROM api_key WHERE user_id = $1 LIMIT 1"
_GIVEN: Final = "SELECT user_id, generation FROM api_key WHERE id = $1"
_SAME: Final = "SELECT generation FROM api_key_secret WHERE key_id = $1 AND digest = $2"
_ADD: Final = """
    INSERT INTO api_key (id, tenant, user_id, name, generation, revision, created_by)
    VALUES ($1, $2, $3, $4, 1, 1, $3)"""


async def ensure_admin(tx: Tx, vault: Vault, key: str | None) -> str | None:
    """Make sure that somebody can call: the first user has a key. Safe when several processes start at once.

    Args:
        tx: The transaction; it commits when this returns.
        vault: Seals the pepper.
        key: The key to set; None: one is made at the first start, and none later.

    Returns:
        A key that was made here, to be shown once; None: none was.

    Raises:
        InvalidInput: The given key is not spelled as one, or is somebody else's.
        VaultError: The pepper is sealed under a master key that is not at hand.
    """
    await tx.fetch(_TURN, LOCAL_USER)
    pepper = await pepper_of(tx, vault)
    if key is not None:
        await _set(tx, pepper, _spelled(key))
        return None
    if await tx.fetch(_ANY_KEY, LOCAL_USER):
        return None
    made = new_key()
    await _add(tx, pepper, made, "first key")
    return made.text


async def _set(tx: Tx, pepper: bytes, key: SpelledKey) -> None:
    """Have a given key be one of the first user's. One that is known stays as it is, also disabled."""
    known = await tx.fetch(_GIVEN, key.id)
    if not known:
        await _add(tx, pepper, key, "LONGHAUL_ADMIN_KEY")
    elif known[0]["user_id"] != LOCAL_USER or not await tx.fetch(_SAME, key.id, digest(pepper, key.secret)):
        raise _refused("the admin key has the id of another key")


async def _add(tx: Tx, pepper: bytes, key: SpelledKey, name: str) -> None:
    await tx.fetch(_ADD, key.id, LOCAL_TENANT, LOCAL_USER, name)
    await add_secret(tx, key.id, 1, digest(pepper, key.secret))
    await record(tx, By.itself("bootstrap"), Act("key.create", "key", key.id, {"name": name, "user": LOCAL_USER}))


def _spelled(key: str) -> SpelledKey:
    spelled = parse_key(key)
    if spelled is None:
        raise _refused("the admin key is not spelled lh_<16 hex digits>_<43 characters of base64url>")
    return spelled


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, (Problem(code="invalid_key", path="/admin_key", message=message),))
