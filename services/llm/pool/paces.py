"""How soon first tokens came lately: the database's averages, at most a second old."""

import asyncio
from collections.abc import Mapping

from domain.routing import Pace
from services.storage.database import Database

FRESH_S = 1.0

_READ = """
    SELECT deployment_id, first_token_ms,
        coalesce(extract(epoch FROM clock_timestamp() - taken_at), 0)::float8 AS idle_s
    FROM deployment_pace WHERE first_token_ms IS NOT NULL"""


class Paces:
    """A copy of the averages, read anew when it is asked for and old."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._read_at: float | None = None
        self._paces: Mapping[str, Pace] = {}

    async def now(self) -> Mapping[str, Pace]:
        """Return the paces by deployment. Raises Unavailable."""
        at = asyncio.get_running_loop().time()
        if self._read_at is None or at - self._read_at > FRESH_S:
            self._read_at = at  # the others take the old copy meanwhile
            rows = await self._db.fetch(_READ)
            self._paces = {row["deployment_id"]: Pace(row["first_token_ms"], row["idle_s"]) for row in rows}
        return self._paces
