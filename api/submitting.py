"""Accepting a request: one transaction for its row, its first event and its Idempotency-Key; then its workflow.

A request answered 202 reaches exactly one end. When the start fails the caller gets a 503, lists leave the row out, and
the same Idempotency-Key starts it later.
"""

import contextlib
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from api.acting import note_acting
from api.caller import Caller
from api.charging import request_charge
from api.documents.requests import NewRequestBody
from api.granted import check_models, models_of
from api.limiting import admit_request, give_back, kept_if_made
from api.parts import Parts
from api.problems import ApiProblem, invalid
from api.starting import start_workflow
from contracts.calls import RequestFacts, Seed
from domain import ids
from domain.budget import estimate_tokens
from domain.caller_limits import LimitReached, Standing
from domain.content import Text
from domain.errors import Unavailable
from domain.request import MESSAGE_LIMIT, Caps, Options
from services.storage import blobs, gateway_calls, requests
from services.storage.audit import Act
from services.storage.database import Tx
from services.storage.failpoints import Point, around
from services.storage.requests import Accepted, Idempotency, NewRequest

ROUTE: Final = "POST /v1/requests"
"""Under which Idempotency-Keys of new requests are kept."""


@dataclass(frozen=True)
class Submission:
    """What is to become a request. `message` is a text to store, or one that is stored already (a fork's)."""

    message: str | Text
    options: Options
    conversation_id: str | None = None
    user_id: str | None = None
    idempotency: Idempotency | None = None
    seed: Seed | None = None
    caps: Caps | None = None


async def submit_new(parts: Parts, caller: Caller, body: NewRequestBody, key: str | None) -> Accepted:
    """Accept what a user wrote; the same key with the same body gives the same request, through every door.

    Raises:
        ApiProblem: As `check_message`.
        IdempotencyKeyReused: The key was used with another body.
        Unavailable: The database or Temporal does not answer.
    """
    check_message(body.message)
    submission = Submission(
        message=body.message,
        options=body.options,
        conversation_id=body.conversation_id,
        user_id=body.user_id,
        idempotency=idempotency_of(ROUTE, key, body),
    )
    return await submit(parts, caller, submission)


async def submit(parts: Parts, caller: Caller, submission: Submission) -> Accepted:
    """Accept a request and start its workflow.

    Raises:
        Forbidden: It names a model that the caller may not use.
        IdempotencyKeyReused: The key was used with another body.
        LimitReached: A limit of the caller's has no room for it.
        InsufficientFunds, FundsOnHold, BudgetSpent: There is no money for it.
        Unavailable: The database or Temporal does not answer.
    """
    check_models(parts, caller, models_of(submission.options, submission.seed))
    new, accepted = await _accept(parts, caller, submission)
    facts = RequestFacts(
        request_id=accepted.request_id,
        owner=new.owner,
        message=new.message,
        conversation_id=new.conversation_id,
        options=requests.within(new.options, accepted.held_micros),
        user_id=new.user_id,
        held=accepted.held_micros is not None,
    )
    try:
        await start_workflow(parts, facts, submission.seed, submission.caps, caller.tenant)
    except Unavailable:
        await _note_not_started(parts, accepted)
        raise
    return accepted


def check_message(message: str) -> None:
    """Refuse a message that says nothing, or too much.

    Raises:
        ApiProblem: 422 when it is blank, 413 when it has over 256 KiB of UTF-8.
    """
    if not message.strip():
        raise invalid("message_empty", "/message", "the message is empty")
    if len(message.encode()) > MESSAGE_LIMIT:
        raise ApiProblem(413, "message_too_large", f"a message has at most {MESSAGE_LIMIT} bytes of UTF-8")


def idempotency_of(route: str, key: str | None, body: BaseModel) -> Idempotency | None:
    """Return where a repeated call is recognised; bodies are compared by what they say, not by their spacing."""
    if key is None:
        return None
    canonical = json.dumps(body.model_dump(mode="json"), sort_keys=True)
    return Idempotency(route, key, hashlib.sha256(canonical.encode()).hexdigest())


async def _accept(parts: Parts, caller: Caller, submission: Submission) -> tuple[NewRequest, Accepted]:
    request_id = ids.request_id(time.time_ns() // 1_000_000, secrets.randbits(80))
    standing = await _let_in(parts, caller, submission, request_id)
    async with (
        kept_if_made(parts, standing, request_id),
        around(Point.REQUEST_ACCEPT),
        parts.database.transaction() as tx,
    ):
        new = await _new_request(tx, parts, caller, submission, request_id)
        accepted = await requests.accept(tx, new, submission.idempotency)
        if accepted.created:
            await note_acting(tx, caller, Act("request.create", "request", request_id))
    if not accepted.created:
        await give_back(parts, standing, request_id)
    return new, accepted


async def _let_in(parts: Parts, caller: Caller, submission: Submission, request_id: str) -> Standing | None:
    """Let a request in within its caller's limits. What its key made before has its place already."""
    message, key = submission.message, submission.idempotency
    tokens = 0 if isinstance(message, Text) else estimate_tokens(message)
    try:
        return await admit_request(parts, caller, request_id, tokens)
    except LimitReached:
        if key is None or await gateway_calls.recall(parts.database, caller.owner, key) is None:
            raise
        return None


async def _new_request(tx: Tx, parts: Parts, caller: Caller, submission: Submission, request_id: str) -> NewRequest:
    message = submission.message
    return NewRequest(
        request_id=request_id,
        owner=caller.owner,
        message=message if isinstance(message, Text) else await blobs.put(tx, message),
        options=submission.options,
        conversation_id=submission.conversation_id,
        user_id=submission.user_id,
        simulated=parts.deployment.simulated,
        forked_from=submission.seed.forked_from if submission.seed else None,
        charge=request_charge(caller, submission.options),
    )


async def _note_not_started(parts: Parts, accepted: Accepted) -> None:
    """Leave the row out of lists until a later start proves otherwise; a repeated one may be running already."""
    if not accepted.created:
        return
    with contextlib.suppress(Unavailable):
        async with parts.database.transaction() as tx:
            await requests.mark_not_started(tx, accepted.request_id)
