"""Accepting requests: the same owner, route and Idempotency-Key give the same request, whoever races."""

import hashlib
from dataclasses import dataclass, field

from domain.content import Text
from domain.errors import Conflict, Unavailable
from domain.events import Event, EventType
from domain.request import Options
from services.storage import events
from services.storage.database import Tx


class IdempotencyKeyReused(Conflict):
    """The key was used before with another body (HTTP 422)."""

    code = "idempotency_key_reused"


@dataclass(frozen=True)
class NewRequest:
    """What is to be accepted. `message` is stored already (`blobs.put`)."""

    request_id: str
    owner: str
    message: Text
    options: Options = field(default_factory=Options)
    conversation_id: str | None = None
    user_id: str | None = None
    simulated: bool = False
    forked_from: str | None = None


@dataclass(frozen=True)
class Idempotency:
    """Where a repeated call is recognised: the route it came by, the caller's key, and the body's hash (hex)."""

    route: str
    key: str
    body_hash: str


@dataclass(frozen=True)
class Accepted:
    """The request's id. `created` False: it was accepted before; whether its workflow runs is unknown, so start it."""

    request_id: str
    created: bool


_REMEMBER = """
    INSERT INTO idempotency (owner, route, key_hash, body_hash, request_id) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING RETURNING request_id"""
_RECALL = "SELECT request_id, body_hash FROM idempotency WHERE owner = $1 AND route = $2 AND key_hash = $3"
_HIDE = "UPDATE request SET not_started = true WHERE id = $1 AND phase = 'accepted'"
_SHOW = "UPDATE request SET not_started = false WHERE id = $1 AND not_started"


async def accept(tx: Tx, new: NewRequest, idempotency: Idempotency | None = None) -> Accepted:
    """Accept a request (`request.accepted`, source `api`), or find the one that the same key made.

    Raises:
        IdempotencyKeyReused: The key was used with another body.
    """
    if idempotency is not None:
        earlier = await _earlier(tx, new, idempotency)
        if earlier is not None:
            await tx.driver.execute(_SHOW, earlier)
            return Accepted(earlier, created=False)
    await events.append(tx, new.request_id, [_accepted_event(new)])
    return Accepted(new.request_id, created=True)


async def mark_not_started(tx: Tx, request_id: str) -> None:
    """Leave a request out of lists because its workflow could not be started; a retry or a later phase undoes this.

    The row stays, because the start may have gone through unseen.
    """
    await tx.driver.execute(_HIDE, request_id)


async def _earlier(tx: Tx, new: NewRequest, idempotency: Idempotency) -> str | None:
    """Return the id that the key made, None when it is ours now.

    The INSERT waits for a racing one: when that commits, the SELECT, a statement later, sees its row.
    """
    place = (new.owner, idempotency.route, hashlib.sha256(idempotency.key.encode()).hexdigest())
    if await tx.driver.fetchval(_REMEMBER, *place, idempotency.body_hash, new.request_id) is not None:
        return None
    row = await tx.driver.fetchrow(_RECALL, *place)
    if row is None:
        raise Unavailable("the Idempotency-Key was being removed, try again")
    if row["body_hash"] != idempotency.body_hash:
        raise IdempotencyKeyReused("this Idempotency-Key was used with another body")
    return str(row["request_id"])


def _accepted_event(new: NewRequest) -> Event:
    data = {
        "v": 1,
        "message": new.message.model_dump(),
        "owner": new.owner,
        "options": new.options.model_dump(mode="json"),
        "conversation_id": new.conversation_id,
        "user_id": new.user_id,
        "parent": None,
        "depth": 0,
        "simulated": new.simulated,
        "forked_from": new.forked_from,
    }
    return Event(source="api", source_seq=1, type=EventType.REQUEST_ACCEPTED, data=data)
