"""Calls of the gateway in the database: accepted once for an Idempotency-Key, and read back.

A call's row is a `request` of kind `call`; its chunks and its end are events, its attempts stand in the call journal.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.content import Text
from domain.errors import NotFound
from domain.gateway import CallOptions, CallOutcome
from domain.ledger import Charge
from domain.value import Value
from services.storage import blobs, charges, json_text
from services.storage.driver import Row
from services.storage.failpoints import Point, around
from services.storage.requests import Idempotency, IdempotencyKeyReused
from services.storage.statements import Statements

_ACCEPT = "SELECT id, created, reused, held FROM longhaul_call_accept($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_RECALL = "SELECT request_id, body_hash FROM idempotency WHERE owner = $1 AND route = $2 AND key_hash = $3"
_REMEMBER = """
    INSERT INTO idempotency (owner, route, key_hash, body_hash, request_id) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING"""
_READ = """
    SELECT id, message, options, phase, outcome, last_seq, created_at, finished_at FROM request
    WHERE id = $1 AND owner = $2 AND kind = 'call'"""
_READ_BY_KEY = """
    SELECT id, message, options, phase, outcome, last_seq, created_at, finished_at FROM request
    WHERE kind = 'call' AND id = (
        SELECT request_id FROM idempotency WHERE owner = $1 AND route = $2 AND key_hash = $3)"""


@dataclass(frozen=True)
class NewCall:
    """What is to be accepted. `body`: the JSON as asked, in the OpenAI API's form. `charge` None: it costs nobody."""

    call_id: str
    owner: str
    body: str
    options: CallOptions
    idempotency: Idempotency | None = None
    charge: Charge | None = None


@dataclass(frozen=True)
class AcceptedCall:
    """The call's id. `created` False: the key has it already; whether its workflow runs is unknown, so start it.

    `held_micros`: what is held for it, which it must not exceed (`CallOptions.grant_micros`); None: it is not bounded.
    """

    call_id: str
    created: bool
    body: Text
    held_micros: int | None = None


class CallView(Value):
    """A call as it stands. `outcome` None: it has not ended; `body`: what was asked."""

    id: str
    body: Text
    options: CallOptions
    outcome: CallOutcome | None
    last_seq: int
    created_at: datetime
    finished_at: datetime | None


async def accept(where: Statements, new: NewCall) -> AcceptedCall:
    """Accept a call, or find the one that the same key made and that need not be made again.

    Raises:
        IdempotencyKeyReused: The key was used with another body.
        InsufficientFunds, FundsOnHold, BudgetSpent: There is no money for it.
        InvalidInput: The wallet's currency is not that of the prices.
    """
    text, stored = blobs.portable(new.body)
    key = new.idempotency
    given: tuple[str | None, str | None, str | None] = (None, None, None)
    if key is not None:
        given = (key.route, _hash(key), key.body_hash)
    ref = text.ref if stored is not None else None
    held = charges.parameter(new.charge)
    async with around(Point.CALL_ACCEPT):
        (row,) = await where.fetch(_ACCEPT, new.call_id, new.owner, _accepted(new, text), ref, stored, *given, held)
    if row["reused"]:
        raise IdempotencyKeyReused("this Idempotency-Key was used with another body")
    return AcceptedCall(row["id"], created=row["created"], body=text, held_micros=row["held"])


async def recall(where: Statements, owner: str, key: Idempotency) -> str | None:
    """Return the call that a key stands for, None when it is new.

    Raises:
        IdempotencyKeyReused: The key was used with another body.
    """
    rows = await where.fetch(_RECALL, owner, key.route, _hash(key))
    if not rows:
        return None
    if rows[0]["body_hash"] != key.body_hash:
        raise IdempotencyKeyReused("this Idempotency-Key was used with another body")
    return str(rows[0]["request_id"])


async def remember(where: Statements, owner: str, key: Idempotency, call_id: str) -> None:
    """Let a key that is new stand for a call that another made: its answer was the key's, too."""
    await where.fetch(_REMEMBER, owner, key.route, _hash(key), key.body_hash, call_id)


async def read(where: Statements, owner: str, call_id: str) -> CallView:
    """Return a call.

    Raises:
        NotFound: There is none, or it is another owner's.
    """
    return _view(await where.fetch(_READ, call_id, owner))


async def read_by_key(where: Statements, owner: str, key: Idempotency) -> CallView:
    """Return the call that an owner's key stands for, which another of the tenant may have made (`remember`).

    Raises:
        NotFound: There is none.
    """
    return _view(await where.fetch(_READ_BY_KEY, owner, key.route, _hash(key)))


def _view(rows: Sequence[Row]) -> CallView:
    if not rows:
        raise NotFound("no such call")
    row = rows[0]
    return CallView(
        id=row["id"],
        body=Text.model_validate(row["message"]),
        options=CallOptions.model_validate(row["options"]),
        outcome=None if row["outcome"] is None else CallOutcome.model_validate(row["outcome"]),
        last_seq=row["last_seq"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )


def _accepted(new: NewCall, body: Text) -> str:
    """Return the data of the call's `request.accepted` event."""
    return json_text.encode(
        {
            "v": 1,
            "kind": "call",
            "message": body.model_dump(),
            "owner": new.owner,
            "options": new.options.model_dump(mode="json", exclude_none=True),
            **charges.told(new.charge),
        }
    )


def _hash(key: Idempotency) -> str:
    return hashlib.sha256(key.key.encode()).hexdigest()
