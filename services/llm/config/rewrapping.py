"""Bringing the pool's credentials under the master key in use, after a rotation. It may be repeated at any time."""

import asyncio
import logging

from domain.value import Value
from services.llm.config import credentials, imported
from services.storage.database import Database
from services.storage.driver import Row
from services.vault.vault import Vault

_PAGE = 200
_SEALED = "SELECT id, credential FROM pool_account WHERE credential IS NOT NULL AND id > $1 ORDER BY id LIMIT $2"
_RESEAL = "UPDATE pool_account SET credential = $2 WHERE id = $1 AND credential = $3 RETURNING id"

_log = logging.getLogger(__name__)


class Rewrapped(Value):
    """What a rewrapping found.

    Attributes:
        total: Stored credentials.
        active: Those of them that are under the master key in use now; `moved`: since this time.
        unopenable: Those that the master keys at hand do not open.
    """

    total: int = 0
    active: int = 0
    moved: int = 0
    unopenable: int = 0

    def __add__(self, other: "Rewrapped") -> "Rewrapped":
        """Return both together."""
        return Rewrapped(**{name: getattr(self, name) + getattr(other, name) for name in Rewrapped.model_fields})


async def rewrap(db: Database, vault: Vault) -> Rewrapped:
    """Re-wrap what another master key has sealed.

    A record is replaced only as long as nobody else has changed it, so an interruption loses nothing.

    Raises:
        Unavailable: The database does not answer; what is done stays done.
    """
    found, after = Rewrapped(), ""
    while rows := await db.fetch(_SEALED, after, _PAGE):
        for row in rows:
            found += await _rewrap(db, vault, row)
        after = rows[-1]["id"]
        await asyncio.sleep(0)
    await imported.rewrap(db, vault)
    if found.moved:
        _log.info("%d credentials of pool accounts are under the master key in use now", found.moved)
    return found


async def _rewrap(db: Database, vault: Vault, row: Row) -> Rewrapped:
    sealed = bytes(row["credential"])
    if not credentials.can_be_opened(vault, row["id"], sealed):
        _log.warning("the credential of pool account %s cannot be opened", row["id"])
        return Rewrapped(total=1, unopenable=1)
    if not vault.needs_rewrap(sealed):
        return Rewrapped(total=1, active=1)
    fresh = vault.rewrap(sealed, bound_to=credentials.bound_to(row["id"]))
    moved = len(await db.fetch(_RESEAL, row["id"], fresh, sealed))
    return Rewrapped(total=1, active=moved, moved=moved)
