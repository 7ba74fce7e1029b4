"""Bringing everything that is sealed under the master key in use, after a rotation. It may be repeated at any time."""

import logging

from services.storage.database import Database
from services.tools.registry import servers
from services.tools.sign_in import tokens
from services.vault.vault import Vault

_log = logging.getLogger(__name__)


async def rewrap(db: Database, vault: Vault) -> int:
    """Re-wrap what another master key has sealed; returns how many records that were.

    A record is replaced only as long as nobody else has changed it, so an interruption loses nothing.
    """
    moved = await servers.rewrap(db, vault) + await tokens.rewrap(db, vault)
    if moved:
        _log.info("%d sealed records are under the master key in use now", moved)
    return moved
