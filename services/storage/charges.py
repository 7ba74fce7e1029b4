"""Charges as the SQL functions take them, and what `request.accepted` tells of who pays."""

from typing import Final

from domain.errors import Conflict, Problem
from domain.ledger import Charge
from services.storage import json_text
from services.storage.failpoints import Point, around
from services.storage.statements import Statements

HELD_BY_ROOT: Final = "held_by_root"
"""The code of a `Conflict`'s problem: what is held is raised with the budget of the request that holds it."""

_HOLD = "SELECT longhaul_money_accept($1, $2) AS held"
_HELD = "SELECT amount_micros FROM ledger_hold WHERE id = $1"
_ROOT = "SELECT h.id FROM request r JOIN ledger_hold h ON h.id = r.hold_id WHERE r.id = $1"
_EXTEND = "SELECT longhaul_money_extend($1, $2) AS held"


def parameter(charge: Charge | None) -> str | None:
    """Return the `p_charge` of the SQL functions; None: nobody is charged."""
    if charge is None or charge.payer.wallet is None:
        return None
    return json_text.encode(
        {
            "wallet": charge.payer.wallet,
            "micros": charge.estimate.micros,
            "least": charge.estimate.least_micros,
            "subjects": charge.payer.subjects,
            "expires_s": charge.expires_s,
        }
    )


def told(charge: Charge | None) -> dict[str, str | None]:
    """Return what the event says of who pays."""
    if charge is None:
        return {}
    payer = charge.payer
    return {"tenant": payer.tenant, "key_id": payer.key_id, "wallet": payer.wallet}


async def hold(where: Statements, request_id: str, charge: Charge | None) -> int | None:
    """Hold what a request may cost; return how much is held, None: nothing needs to be.

    Raises:
        InsufficientFunds, FundsOnHold, BudgetSpent: There is not enough for it; told when the transaction ends.
        InvalidInput: The wallet's currency is not that of the prices.
    """
    given = parameter(charge)
    if given is None:
        return None
    (row,) = await where.fetch(_HOLD, request_id, given)
    held: int | None = row["held"]
    return held


async def held(where: Statements, request_id: str) -> int | None:
    """Return how much was held for a request that was accepted before, None: nothing."""
    rows = await where.fetch(_HELD, request_id)
    return int(rows[0]["amount_micros"]) if rows else None


async def root_of(where: Statements, request_id: str) -> str | None:
    """Return the request whose hold a request uses, its own or its root's; None: nothing is held for it."""
    rows = await where.fetch(_ROOT, request_id)
    return str(rows[0]["id"]) if rows else None


async def raise_to(where: Statements, request_id: str, to_micros: int) -> None:
    """Raise what is held for a request to `to_micros` in all; nothing happens if nothing is held for it, or so much is.

    Raises:
        InsufficientFunds, FundsOnHold, BudgetSpent: There is not enough for it.
        Conflict: The hold has ended, or is that of the request that this one is a step of.
    """
    root = await root_of(where, request_id)
    if root is None:
        return
    if root != request_id:
        text = f"the money is held by the request {root}: raise the budget of that one"
        raise Conflict(text, (Problem(code=HELD_BY_ROOT, path="", message=text),))
    await extend(where, request_id, to_micros)


async def extend(where: Statements, request_id: str, to_micros: int) -> int | None:
    """Raise a hold to `to_micros` in all, wholly or not at all; return what it is then, None: there is none.

    Raises:
        InsufficientFunds, FundsOnHold, BudgetSpent: There is not enough for it.
        Conflict: The hold has ended.
    """
    async with around(Point.HOLD_RAISE):
        (row,) = await where.fetch(_EXTEND, request_id, to_micros)
    held: int | None = row["held"]
    return held
