"""Accepting a call: within its caller's limits, its money held, its row written, once for its Idempotency-Key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from api.acting import note_acting
from api.caller import Caller
from api.charging import call_charge
from api.gateway.expected_tokens import expected_tokens
from api.gateway.starting import CallRef
from api.limiting import admit_call, count_call, give_back, kept_if_made
from api.parts import Parts
from contracts.gateway import CallLaunch
from domain import ids
from domain.caller_limits import LimitReached
from domain.content import Text
from domain.errors import Unavailable
from domain.gateway import CallOptions
from domain.ledger import Charge
from domain.model_pool import Route
from services.storage import gateway_calls
from services.storage.audit import Act
from services.storage.gateway_calls import NewCall
from services.storage.requests import Idempotency


@dataclass(frozen=True)
class Wanted:
    """A call that is to be made or found. `text`: its body as JSON; `route`: where its model's name leads."""

    caller: Caller
    route: Route
    body: Mapping[str, Any]
    text: str
    options: CallOptions
    key: Idempotency | None


async def accept(parts: Parts, wanted: Wanted, ref: CallRef) -> CallLaunch | None:
    """Accept a call and return what its workflow starts with; None: its key stands for an earlier one.

    Raises:
        IdempotencyKeyReused: The key was used with another body.
        LimitReached: A limit of the caller's has no room for it.
        InsufficientFunds, FundsOnHold, BudgetSpent: There is no money for it.
        Unavailable: The database does not answer.
    """
    options, charge = _flying(parts, wanted.options), _charge(parts, wanted)
    tokens = expected_tokens(options.endpoint, wanted.body)
    try:
        standing = await admit_call(parts, wanted.caller, ref.id, tokens, charge.expires_s)
    except LimitReached:  # what its key made before is no new call: it counts as a request alone
        if wanted.key is None or await gateway_calls.recall(parts.database, ref.owner, wanted.key) is None:
            raise
        await count_call(parts, wanted.caller)
        return None
    async with kept_if_made(parts, standing, ref.id):
        new = NewCall(ref.id, ref.owner, wanted.text, options, wanted.key, charge)
        accepted = await gateway_calls.accept(parts.database, new)
        if accepted.created:
            await note_acting(parts.database, wanted.caller, Act("call.create", "call", ref.id))
    if not accepted.created:
        await give_back(parts, standing, ref.id)
        return None
    return launch_of(parts, ref, wanted.caller.tenant, accepted.body, within(options, accepted.held_micros))


def launch_of(parts: Parts, ref: CallRef, tenant: str, body: Text, options: CallOptions) -> CallLaunch:
    """Return what a call's workflow starts with."""
    return CallLaunch(
        call_id=ref.id,
        owner=ref.owner,
        body=body,
        options=options,
        accepted_at=datetime.fromtimestamp(ids.unix_ms_of(ref.id) / 1000, UTC),
        search_attributes=parts.deployment.search_attributes,
        tenant=tenant,
    )


def within(options: CallOptions, held_micros: int | None) -> CallOptions:
    """Return the options with what is held as the bound of what the call may cost; None: it has none."""
    return options if held_micros is None else options.model_copy(update={"grant_micros": held_micros})


def _flying(parts: Parts, options: CallOptions) -> CallOptions:
    """Say in the call's options where it is begun, if that is here: whoever starts its workflow has to know."""
    if parts.flights is None or options.background:
        return options
    return options.model_copy(update={"flies": parts.flights.queue})


def _charge(parts: Parts, wanted: Wanted) -> Charge:
    if parts.pool is None:
        raise Unavailable("this API was started without a model pool")
    return call_charge(parts.pool, wanted.caller, wanted.route, wanted.options, wanted.body)
