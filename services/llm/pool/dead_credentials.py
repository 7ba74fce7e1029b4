"""An account whose credential is refused in a call is taken out of the pool (`services.llm.config.parking`)."""

from domain.errors import ModelError
from services.llm.config import parking
from services.llm.config.edit import Source, editing, take_turn
from services.storage.database import Database
from services.storage.statements import Statements

ACTOR = "pool"
"""Who parks, in the audit."""

_USED = """
    SELECT a.revision FROM pool_account a JOIN lease l ON l.account_id = a.id
    WHERE l.id = $1 AND a.parked_at IS NULL
        AND (a.credential_set_at IS NULL OR a.credential_set_at < a.created_at + interval '1 second'
            OR a.credential_set_at <= l.taken_at - interval '3 seconds')"""


async def park(db: Database, account_id: str, lease_id: str, error: ModelError) -> bool:
    """Park an account; False: it is parked already, or was given another credential while the call was under way.

    Then nothing is changed nor counted as a change, however many calls fail at once.

    A call that was begun up to 3 s after the change may have used the credential from before: processes learn of it a
    moment later.

    Raises:
        Unavailable: The database does not answer.
    """
    if await _revision(db, lease_id) is None:
        return False  # seen without waiting for the turn
    async with db.transaction() as tx:
        await take_turn(tx)
        revision = await _revision(tx, lease_id)
        if revision is None:
            return False
        async with editing(tx, ACTOR, Source.ADMIN) as edit:
            return await parking.park(edit, account_id, parking.Reason(error.code, str(error)), revision=revision)


async def _revision(where: Statements, lease_id: str) -> int | None:
    """Return the revision of the lease's account; None: it is not to be parked."""
    rows = await where.fetch(_USED, lease_id)
    return rows[0]["revision"] if rows else None
