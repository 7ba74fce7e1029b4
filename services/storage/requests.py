"""Accepting requests: the same owner, route and Idempotency-Key give the same request, whoever races."""

import hashlib
from dataclasses import dataclass, field

from domain.content import Text
from domain.errors import Conflict, Unavailable
from domain.events import Event, EventType
from domain.ledger import Charge, capped
from domain.request import Options
from services.storage import charges, events
from services.storage.database import Tx


class IdempotencyKeyReused(Conflict):
    """The key was used before with another body (HTTP 422)."""

    code = "idempotency_key_reused"


@dataclass(frozen=True)
class NewRequest:
    """What is to be accepted. `message` is stored already (`blobs.put`). `charge` None: it costs nobody."""

    request_id: str
    owner: str
    message: Text
    options: Options = field(default_factory=Options)
    conversation_id: str | None = None
    user_id: str | None = None
    simulated: bool = False
    forked_from: str | None = None
    charge: Charge | None = None


@dataclass(frozen=True)
class Idempotency:
    """Where a repeated call is recognised: the route it came by, the caller's key, and the body's hash (hex)."""

    route: str
    key: str
    body_hash: str


@dataclass(frozen=True)
class Accepted:
    """The request's id. `created` False: it was accepted before; whether its workflow runs is unknown, so start it.

    `held_micros`: what is held for it, which its budget must not exceed; None: nothing needs to be.
    """

    request_id: str
    created: bool
    held_micros: int | None = None


_REMEMBER = """
    INSERT INTO idempotency (owner, route, key_hash, body_hash, request_id) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING RETURNING request_id"""
_RENEW = """
    UPDATE idempotency i SET request_id = $5 FROM request r
    WHERE i.owner = $1 AND i.route = $2 AND i.key_hash = $3 AND i.body_hash = $4 AND r.id = i.request_id
        AND r.outcome->>'reason' = 'not_started' RETURNING i.request_id"""
_RECALL = "SELECT request_id, body_hash FROM idempotency WHERE owner = $1 AND route = $2 AND key_hash = $3"
_HIDE = "UPDATE request SET not_started = true WHERE id = $1 AND phase = 'accepted'"
_SHOW = "UPDATE request SET not_started = false WHERE id = $1 AND not_started"


async def accept(tx: Tx, new: NewRequest, idempotency: Idempotency | None = None) -> Accepted:
    """Accept a request (`request.accepted`, source `api`), or find the one that the same key made.

    What is held for a request becomes its budget, if that was higher or none.

    Raises:
        IdempotencyKeyReused: The key was used with another body.
        InsufficientFunds, FundsOnHold, BudgetSpent: There is no money for it; told when the transaction ends.
    """
    if idempotency is not None:
        earlier = await _earlier(tx, new, idempotency)
        if earlier is not None:
            await tx.driver.execute(_SHOW, earlier)
            return Accepted(earlier, created=False, held_micros=await charges.held(tx, earlier))
    held = await charges.hold(tx, new.request_id, new.charge)
    await events.append(tx, new.request_id, [_accepted_event(new, held)])
    return Accepted(new.request_id, created=True, held_micros=held)


def within(options: Options, held_micros: int | None) -> Options:
    """Return a request's options with its budget within what is held for it."""
    return options.model_copy(update={"budget_micros": capped(options.budget_micros, held_micros)})


async def mark_not_started(tx: Tx, request_id: str) -> None:
    """Leave a request out of lists because its workflow could not be started; a retry or a later phase undoes this.

    The row stays, because the start may have gone through unseen.
    """
    await tx.driver.execute(_HIDE, request_id)


async def _earlier(tx: Tx, new: NewRequest, idempotency: Idempotency) -> str | None:
    """Return the id that the key made, None when it is ours now.

    The INSERT waits for a racing one: when that commits, the SELECT, a statement later, sees its row. A request that
    was ended because it was never started (`services.ledger.reconciling`) gives its key to ours.
    """
    place = (new.owner, idempotency.route, hashlib.sha256(idempotency.key.encode()).hexdigest())
    if await tx.driver.fetchval(_REMEMBER, *place, idempotency.body_hash, new.request_id) is not None:
        return None
    if await tx.driver.fetchval(_RENEW, *place, idempotency.body_hash, new.request_id) is not None:
        return None
    row = await tx.driver.fetchrow(_RECALL, *place)
    if row is None:
        raise Unavailable("the Idempotency-Key was being removed, try again")
    if row["body_hash"] != idempotency.body_hash:
        raise IdempotencyKeyReused("this Idempotency-Key was used with another body")
    return str(row["request_id"])


def _accepted_event(new: NewRequest, held_micros: int | None) -> Event:
    data = {
        "v": 1,
        "message": new.message.model_dump(),
        "owner": new.owner,
        "options": within(new.options, held_micros).model_dump(mode="json"),
        "conversation_id": new.conversation_id,
        "user_id": new.user_id,
        "parent": None,
        "depth": 0,
        "simulated": new.simulated,
        "forked_from": new.forked_from,
        **charges.told(new.charge),
    }
    return Event(source="api", source_seq=1, type=EventType.REQUEST_ACCEPTED, data=data)
