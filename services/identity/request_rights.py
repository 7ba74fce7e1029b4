"""The rights that a request's work has, for activities: those of its user and key as they are now, to a second."""

import json
from dataclasses import dataclass
from typing import Final

from domain.errors import Unavailable
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


class _NotOnRecord(Unavailable):
    """A request has no row yet."""


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
            Unavailable: The request has no row yet, so with which key it was asked for is not known; or the database
                does not answer.
        """
        row = await self._rows.get(request_id)
        if row is None:
            raise RuntimeError("a look-up of a row gives it or raises")
        return await self._with(owner, row[1].key_id)

    async def before_record(self, request_id: str, owner: str, parent_id: str | None) -> Rights:
        """Return what the work of a request may do that may have no row yet.

        Without a row, a sub-request has its parent's rights. Any other was started by hand in Temporal, with no key,
        and has its owner's. Neither is remembered.

        Raises:
            Forbidden, Unavailable: As `of`.
        """
        try:
            return await self.of(request_id, owner)
        except _NotOnRecord:
            return await (self._with(owner, None) if parent_id is None else self.of(parent_id, owner))

    async def _with(self, owner: str, key_id: str | None) -> Rights:
        found = await self._rights.get(json.dumps([owner, key_id]))
        if found is None:
            raise RuntimeError("a look-up of rights gives rights or raises")
        return found[1]

    async def _row(self, request_id: str) -> _Asked:
        rows = await self._db.fetch(_ROW, request_id)
        if not rows:
            raise _NotOnRecord("the request is not on record yet", 1.0)
        return _Asked(rows[0]["key_id"])

    async def _look_up(self, key: str) -> Rights:
        owner, key_id = json.loads(key)
        return await rights_of(self._db, owner, key_id)
