"""What a process does at its start so that somebody can call: the first admin's key, shown once if it is made here."""

from collections.abc import Callable

from services.identity.bootstrap import ensure_admin
from services.storage.database import Database
from services.vault.vault import Vault


async def first_start(db: Database, vault: Vault, key: str | None, tell: Callable[[str], object]) -> None:
    """Make sure that there is a first admin with a key.

    Args:
        db: The database, with our tables.
        vault: Seals what keys are hashed with.
        key: The key that the settings give, if they do.
        tell: Shows a key that was made here to whoever started the process; it is in no log.

    Raises:
        InvalidInput: The given key is not spelled as one, or is somebody else's.
        VaultError: What keys are hashed with is sealed under a master key that is not at hand.
        Unavailable: The database does not answer.
    """
    async with db.transaction() as tx:
        made = await ensure_admin(tx, vault, key)
    if made is not None:
        tell(f"The first admin's API key, shown this once: {made}\n")
