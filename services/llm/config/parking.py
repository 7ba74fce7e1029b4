"""Parking accounts whose credential is taken for dead, and taking them into use again; both are announced."""

import logging
from dataclasses import dataclass

from domain.account_checks import Standing
from services.llm.config.edit import Action, Edit, Kind
from services.storage.statements import Statements

NOTE_LIMIT = 500
"""Characters of the reason that is kept."""

_PARK = """
    UPDATE pool_account SET parked_at = clock_timestamp(), parked_code = $2, parked_note = $3
    WHERE id = $1 AND parked_at IS NULL AND ($4::int IS NULL OR revision = $4) RETURNING id"""
_UNPARK = """
    UPDATE pool_account SET parked_at = NULL, parked_code = NULL, parked_note = NULL
    WHERE id = $1 AND parked_at IS NOT NULL AND ($2::int IS NULL OR revision = $2) RETURNING id"""
_STANDING = """
    SELECT parked_at IS NOT NULL AS parked, credential_set_at > parked_at AS renewed,
        extract(epoch FROM clock_timestamp() - parked_at)::float8 AS parked_s,
        (SELECT count(*) FROM pool_change WHERE kind = 'account' AND object_id = $1 AND action = 'unpark'
            AND at > clock_timestamp() - interval '1 day' AND actor = $2) AS returns
    FROM pool_account WHERE id = $1"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reason:
    """Why an account is parked: a stable code, and a sentence without any secret."""

    code: str
    note: str


async def park(edit: Edit, account_id: str, reason: Reason, *, revision: int | None = None) -> bool:
    """Take an account out of use, unless it is already, or is at another revision than the one that failed."""
    note = reason.note[:NOTE_LIMIT]
    if not await edit.tx.fetch(_PARK, account_id, reason.code, note, revision):
        return False
    edit.note(Action.PARK, Kind.ACCOUNT, account_id, {"code": reason.code, "note": note})
    edit.tx.after_commit(lambda: _log.warning("pool account %s is parked: %s", account_id, note))
    return True


async def unpark(edit: Edit, account_id: str, *, revision: int | None = None) -> bool:
    """Take an account into use again; False: it is not parked, or at another revision."""
    if not await edit.tx.fetch(_UNPARK, account_id, revision):
        return False
    edit.note(Action.UNPARK, Kind.ACCOUNT, account_id, {})
    edit.tx.after_commit(lambda: _log.info("pool account %s is in use again", account_id))
    return True


async def standing(where: Statements, account_id: str, actor: str) -> Standing:
    """Return whether and since when an account is parked, and how often the actor has unparked it within a day."""
    rows = await where.fetch(_STANDING, account_id, actor)
    if not rows or not rows[0]["parked"]:
        return Standing()
    row = rows[0]
    return Standing(parked_s=row["parked_s"], renewed=bool(row["renewed"]), returns=row["returns"])
