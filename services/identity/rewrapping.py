"""Bringing what identities have sealed under the master key in use, after a rotation. It may be repeated at any time.

What a sign-in under way has sealed is left: it is over in minutes.
"""

import logging
from typing import Final

from services.storage.database import Database
from services.storage.driver import Row
from services.vault.errors import VaultError
from services.vault.vault import Vault

_PAGE: Final = 200
_SECRETS: Final = (
    "SELECT 'identity_secret/' || id AS bound_to, id, sealed FROM identity_secret WHERE id > $1 ORDER BY id LIMIT $2",
    "UPDATE identity_secret SET sealed = $2 WHERE id = $1 AND sealed = $3 RETURNING id",
)
_CLIENTS: Final = (
    """SELECT 'oidc_provider/' || id AS bound_to, id, client_secret AS sealed FROM oidc_provider
    WHERE client_secret IS NOT NULL AND id > $1 ORDER BY id LIMIT $2""",
    "UPDATE oidc_provider SET client_secret = $2 WHERE id = $1 AND client_secret = $3 RETURNING id",
)

_log = logging.getLogger(__name__)


async def rewrap(db: Database, vault: Vault) -> int:
    """Re-wrap what another master key has sealed; returns how many records.

    A record is replaced only as long as nobody else has changed it, so an interruption loses nothing.

    Raises:
        Unavailable: The database does not answer; what is done stays done.
    """
    moved = 0
    for select, replace in (_SECRETS, _CLIENTS):
        after = ""
        while rows := await db.fetch(select, after, _PAGE):
            for row in rows:
                moved += await _rewrap(db, vault, row, replace)
            after = rows[-1]["id"]
    if moved:
        _log.info("%d secrets of identities are under the master key in use now", moved)
    return moved


async def _rewrap(db: Database, vault: Vault, row: Row, replace: str) -> int:
    sealed = bytes(row["sealed"])
    try:
        if not vault.needs_rewrap(sealed):
            return 0
        fresh = vault.rewrap(sealed, bound_to=row["bound_to"])
    except VaultError as error:
        _log.warning("%s cannot be opened: %s", row["bound_to"], error)
        return 0
    return len(await db.fetch(replace, row["id"], fresh, sealed))
