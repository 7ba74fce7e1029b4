"""Money that people move: top-ups, adjustments, refunds. Each once for its caller's key, with a reason, and audited."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from domain.errors import Conflict, NotFound
from services.ledger import statements
from services.ledger.statements import StatementEntry
from services.storage import audit
from services.storage.audit import Act, By
from services.storage.database import Database, Tx
from services.storage.failpoints import Point, around
from services.storage.requests import IdempotencyKeyReused

_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended(concat_ws('/', $1::text, $2::text, $3::text), 0))"
_EARLIER: Final = "SELECT id FROM ledger_transaction WHERE kind = $1 AND key = $2 || '/' || $3"
_TOP_UP: Final = "SELECT longhaul_money_top_up($1, $2, $3, $4, $5) AS id"
_ADJUST: Final = "SELECT longhaul_money_adjust($1, $2, $3, $4, $5) AS id"
_REFUND: Final = "SELECT longhaul_money_refund($1, $2, $3, $4, $5) AS id"
_POSTING: Final = "SELECT FROM ledger_transaction WHERE id = $1 AND kind = 'post' AND wallet_id = $2"
_BOOKED_OTHERWISE: Final = "booked_otherwise"


@dataclass(frozen=True)
class Reason:
    """Why money is moved, and the caller's key: the same one again moves nothing, and gives the first one's answer."""

    key: str
    text: str


@dataclass(frozen=True)
class Moved:
    """The transaction. `created` False: it was there before."""

    entry: StatementEntry
    created: bool


async def top_up(db: Database, by: By, wallet_id: str, micros: int, reason: Reason) -> Moved:
    """Bring money into a wallet.

    Raises:
        Conflict: The wallet is closed.
        IdempotencyKeyReused: The key was used for another amount.
        InvalidInput: The amount is none.
    """
    async with _booking(db) as tx:
        return await _book(tx, by, _Booking("top_up", _TOP_UP, wallet_id, wallet_id, micros), reason)


async def adjust(db: Database, by: By, wallet_id: str, micros: int, reason: Reason) -> Moved:
    """Put a wallet right by a signed amount.

    Raises:
        InsufficientFunds: It would sink below its floor.
        FundsOnHold: So it would for now, until what is held is released.
        Conflict, IdempotencyKeyReused, InvalidInput: As `top_up`.
    """
    async with _booking(db) as tx:
        return await _book(tx, by, _Booking("adjust", _ADJUST, wallet_id, wallet_id, micros), reason)


async def refund(db: Database, by: By, wallet_id: str, posting: int, micros: int | None, reason: Reason) -> Moved:
    """Give back what a posting took from the wallet, `micros` of it or all that has not been given back.

    Raises:
        NotFound: The wallet has no such posting.
        Conflict: It is more than the wallet paid for it, less what was given back; or the wallet is closed.
        IdempotencyKeyReused, InvalidInput: As `top_up`.
    """
    async with _booking(db) as tx:
        if not await tx.fetch(_POSTING, posting, wallet_id):
            raise NotFound("the wallet has no such posting")
        return await _book(tx, by, _Booking("refund", _REFUND, wallet_id, posting, micros), reason)


@dataclass(frozen=True)
class _Booking:
    """A call of a SQL function that books. `of`: its first argument."""

    kind: str
    statement: str
    wallet_id: str
    of: str | int
    micros: int | None


async def _book(tx: Tx, by: By, booking: _Booking, reason: Reason) -> Moved:
    place = (booking.kind, booking.wallet_id, reason.key)
    await tx.fetch(_TURN, *place)  # who books under the same key sees what was booked, and audits it no second time
    earlier = await tx.fetch(_EARLIER, *place)
    (row,) = await tx.fetch(booking.statement, booking.of, booking.micros, reason.key, reason.text, by.actor)
    entry = await statements.read(tx, booking.wallet_id, row["id"])
    if not earlier:
        details = {"kind": booking.kind, "micros": entry.micros, "reason": reason.text, "transaction": entry.id}
        await audit.record(tx, by, Act(f"wallet.{booking.kind}", "wallet", booking.wallet_id, details))
    return Moved(entry, created=not earlier)


@asynccontextmanager
async def _booking(db: Database) -> AsyncGenerator[Tx]:
    """Run the block in a transaction; a key that was used for something else is said to be that."""
    try:
        async with around(Point.WALLET_MOVE), db.transaction() as tx:
            yield tx
    except Conflict as refused:
        if any(problem.code == _BOOKED_OTHERWISE for problem in refused.problems):
            raise IdempotencyKeyReused("this Idempotency-Key was used for another amount or posting") from refused
        raise
