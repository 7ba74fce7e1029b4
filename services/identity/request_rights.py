"""The rights that a request's work has, for activities: those of its user and key as they are now, to a second."""

import json
from dataclasses import dataclass
from typing import Final

from services.identity.recent import Recent
from services.identity.rights import Rights, rights_of
from services.storage.database import Database

KNOWN_S: Final = 1.0
_ROWS_KNOWN_S: Final = 600.0
_MOST: Final = 5_000
_ROW: Final = "SELECT key_id FROM request WHERE id = $1"


@dataclass(frozen=True)
class _Asked:
    """With what a request was asked for."""

    key_id: str | None


class RequestRights:
    """Looks rights up. One a process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rows = Recent[_Asked](self._row, ttl_s=_ROWS_KNOWN_S, most=_MOST)
        self._rights = Recent[Rights](self._look_up, ttl_s=KNOWN_S, most=_MOST)

    async def of(self, request_id: str, owner: str) -> Rights:
        """Return what a request's work may do now.

        Raises:
            Forbidden: Its user, their tenant, or the key that asked for it has been disabled, or is gone.
            Unavailable: The database does not answer.
        """
        row = await self._rows.get(request_id)
        found = await self._rights.get(json.dumps([owner, None if row is None else row[1].key_id]))
        if found is None:
            raise RuntimeError("a look-up of rights gives rights or raises")
        return found[1]

    async def _row(self, request_id: str) -> _Asked | None:
        rows = await self._db.fetch(_ROW, request_id)
        return _Asked(rows[0]["key_id"]) if rows else None

    async def _look_up(self, key: str) -> Rights:
        owner, key_id = json.loads(key)
        return await rights_of(self._db, owner, key_id)
