"""What was taken over last from outside: its digest, so that what admins changed since is not overwritten at a start.

Digests are sealed: in the clear one would let anybody try out what a short credential is.
"""

from services.storage import json_text
from services.storage.database import Tx
from services.storage.statements import Statements
from services.vault.errors import VaultError
from services.vault.vault import Vault

_READ = "SELECT imported FROM pool_version WHERE id = 1"
_WRITE = "UPDATE pool_version SET imported = imported || $1::jsonb WHERE id = 1"
_RESEAL = """
    UPDATE pool_version SET imported = imported || jsonb_build_object($1::text, $2::text)
    WHERE id = 1 AND imported->>$1 = $3"""


async def is_news(where: Statements, vault: Vault, what: str, digest: str) -> bool:
    """Whether something else, or nothing, was taken over last; also when nobody can read any more what it was."""
    (row,) = await where.fetch(_READ)
    sealed: str = row["imported"].get(what, "")
    if not sealed:
        return digest != ""
    try:
        return vault.open(bytes.fromhex(sealed), bound_to=_bound_to(what)).decode() != digest
    except (VaultError, ValueError):
        return True


async def remember(tx: Tx, vault: Vault, what: str, digest: str) -> None:
    """Note what was taken over."""
    sealed = vault.seal(digest.encode(), bound_to=_bound_to(what)).hex()
    await tx.fetch(_WRITE, json_text.encode({what: sealed}))


async def forget(tx: Tx, what: str) -> None:
    """Have it taken over anew at the next start, though it may be the same."""
    await tx.fetch(_WRITE, json_text.encode({what: ""}))


async def rewrap(where: Statements, vault: Vault) -> None:
    """Bring the digests under the master key in use; one that cannot be opened makes for a new import, no more."""
    (row,) = await where.fetch(_READ)
    for what, sealed in row["imported"].items():
        if not sealed:
            continue
        try:
            record = bytes.fromhex(sealed)
            if vault.needs_rewrap(record):
                fresh = vault.rewrap(record, bound_to=_bound_to(what)).hex()
                await where.fetch(_RESEAL, what, fresh, sealed)
        except (VaultError, ValueError):
            continue


def _bound_to(what: str) -> str:
    return f"pool_import/{what}"
