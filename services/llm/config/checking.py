"""Checks of accounts: which are due, and what the pool learns from each."""

from dataclasses import dataclass

from domain.account_checks import Finding, Verdict, verdict
from services.llm.config import parking
from services.llm.config.edit import Source, editing
from services.storage.database import Database
from services.storage.statements import Statements

ACTOR = "checks"
"""Who parks and unparks, in the audit."""
DUE_LIMIT = 2000
"""Accounts that one round of checks looks at."""
CREDENTIAL_DEAD = "model_credential_dead"

_DUE = """
    SELECT a.id, a.revision, a.parked_at IS NOT NULL AS parked FROM pool_account a
    JOIN pool_provider p ON p.id = a.provider_id
    WHERE ($1::text IS NULL OR a.id = $1)
        AND ($1::text IS NOT NULL OR (a.data->>'disabled' IS DISTINCT FROM 'true'
            AND p.data->>'disabled' IS DISTINCT FROM 'true'))
    ORDER BY a.checked_at NULLS FIRST, a.id LIMIT $2"""
_CHECKED = "UPDATE pool_account SET checked_at = clock_timestamp(), check_error = $2 WHERE id = $1 AND revision = $3"


@dataclass(frozen=True)
class Due:
    """An account to check, as it is configured at the moment."""

    id: str
    revision: int
    parked: bool


@dataclass(frozen=True)
class Checked:
    """What a check found. `error`: what was wrong, None: nothing."""

    finding: Finding
    error: str | None = None


async def due(where: Statements, account_id: str | None) -> list[Due]:
    """Return the accounts that are not disabled, the longest unchecked first; or one, whatever it is."""
    rows = await where.fetch(_DUE, account_id, DUE_LIMIT)
    return [Due(row["id"], row["revision"], row["parked"]) for row in rows]


async def learn(db: Database, account: Due, checked: Checked) -> Verdict:
    """Note a check, and park or unpark the account if it says so; returns what was done.

    An account that was changed while the check was under way is left as it is: the check says nothing about it.

    Raises:
        Unavailable: The database does not answer.
    """
    await db.fetch(_CHECKED, account.id, checked.error, account.revision)
    wanted = verdict(checked.finding, await parking.standing(db, account.id, ACTOR))
    if wanted is Verdict.LEAVE:
        return wanted
    async with db.transaction() as tx, editing(tx, ACTOR, Source.ADMIN) as edit:
        if wanted is Verdict.PARK:
            reason = parking.Reason(CREDENTIAL_DEAD, checked.error or "")
            done = await parking.park(edit, account.id, reason, revision=account.revision)
        else:
            done = await parking.unpark(edit, account.id, revision=account.revision)
    return wanted if done else Verdict.LEAVE
