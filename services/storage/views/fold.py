"""From events to read models. `functions/fold.sql` holds the mapping; `append` applies it to each new event."""

import asyncpg

from domain.errors import NotFound
from services.storage.database import Tx


async def rebuild(tx: Tx, request_id: str) -> None:
    """Make the read models of a request again from its event log.

    Raises:
        NotFound: There is no such request.
    """
    try:
        await tx.driver.execute("SELECT longhaul_rebuild($1)", request_id)
    except asyncpg.NoDataFoundError as error:
        raise NotFound("no such request") from error
