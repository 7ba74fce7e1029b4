"""Sending a message to a request's workflow and waiting for its answer, as a workflow update.

The message id is the update's id: the same message again joins the first one, also when its answer was lost on the way.
"""

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NoReturn

from pydantic import JsonValue
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from api.acting import note_acting
from api.caller import Caller
from api.charging import hold_raised_budget
from api.errors import refusal_status
from api.granted import check_models, models_in
from api.parts import Parts
from api.problems import ApiProblem, invalid
from api.temporal_calls import answering, is_not_found, ping
from contracts.messages import AMEND, AMENDMENT_REFUSED, MESSAGE_REFUSED
from domain.errors import Problem, Unavailable
from services.storage.audit import Act
from services.storage.views import requests as requests_view
from services.storage.views.requests import RequestView

ANSWER_WITHIN_S: Final = 10.0
_ID_LIMIT: Final = 100


@dataclass(frozen=True)
class Message:
    """What to say to which request. `body` is plain JSON, as in `contracts.messages`."""

    request_id: str
    name: str
    body: dict[str, JsonValue]


def message_id_of(in_body: JsonValue, key: str | None) -> str:
    """Return the message's id: the body's, else the Idempotency-Key, else a new one."""
    if in_body is None and key is not None and len(key) > _ID_LIMIT:
        raise invalid("too_long", "header:Idempotency-Key", f"a message id has at most {_ID_LIMIT} characters")
    return str(in_body or key or f"msg_{secrets.token_hex(12)}")


def message_of(request_id: str, name: str, said: dict[str, JsonValue], key: str | None = None) -> Message:
    """Return a message to send; it gets an id when it has none."""
    return Message(request_id, name, {**said, "message_id": message_id_of(said.get("message_id"), key)})


async def deliver(parts: Parts, caller: Caller, message: Message) -> JsonValue:
    """Send a message and return the workflow's answer. The audit says first what is said for another user.

    Raises:
        NotFound: No such request, or another owner's.
        Forbidden: An amendment names a model that the caller may not use.
        InsufficientFunds, FundsOnHold, BudgetSpent: There is no money for the budget that an amendment raises.
        ApiProblem: 409 or 422 when it was refused or the request has ended; 504 when no worker answered within 10 s.
        Unavailable: The database or Temporal does not answer.
    """
    async with parts.database.transaction() as tx:
        view = await requests_view.get(tx, caller.owner, message.request_id)
        await note_acting(tx, caller, Act(f"request.{message.name}", "request", view.id))
    check_models(parts, caller, models_in(message.body.get("edits")))
    await ping(parts.temporal)
    if message.name == AMEND and not view.phase.is_end:
        await hold_raised_budget(parts.database, message.request_id, message.body.get("edits"))
    try:
        return await _update(parts, message)
    except WorkflowUpdateFailedError as error:
        _refused(error)
    except RPCError as error:
        if not is_not_found(error):
            raise
        raise _ended(view) from None


async def _update(parts: Parts, message: Message) -> JsonValue:
    handle = parts.temporal.get_workflow_handle(message.request_id)
    message_id = str(message.body["message_id"])
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S), answering(ANSWER_WITHIN_S + 1):
            answer: JsonValue = await handle.execute_update(
                message.name,
                message.body,
                id=f"{message.name}/{message_id}",
                rpc_timeout=timedelta(seconds=ANSWER_WITHIN_S),
            )
            return answer
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        raise _late(message_id) from None


def _late(message_id: str) -> ApiProblem:
    text = "the workers did not answer in time; the message may still be taken: send it again with this message_id"
    return ApiProblem(504, "no_answer_in_time", text).with_message_id(message_id)


def _ended(view: RequestView) -> ApiProblem:
    if view.phase.value == "accepted":
        text = "the request has not been started; submit it again with its Idempotency-Key"
        return ApiProblem(409, "not_started", text)
    return ApiProblem(409, "request_ended", "the request has ended")


def _refused(error: WorkflowUpdateFailedError) -> NoReturn:
    cause = error.cause
    if not isinstance(cause, ApplicationError):
        raise ApiProblem(409, "request_ended", "the request ended before it took the message") from None
    if cause.type not in (AMENDMENT_REFUSED, MESSAGE_REFUSED):
        if cause.type == "AcceptedUpdateCompletedWorkflow":
            raise ApiProblem(409, "request_ended", "the request ended before it took the message") from None
        raise Unavailable("the workers could not take the message") from error
    problems = tuple(_problems(cause.details))
    if cause.type == AMENDMENT_REFUSED:
        raise ApiProblem(refusal_status(problems), "amendment_refused", cause.message, problems) from None
    status = 404 if any(problem.code == "unknown_step" for problem in problems) else refusal_status(problems)
    raise ApiProblem(status, "message_refused", cause.message, problems) from None


def _problems(details: Iterable[JsonValue]) -> Iterable[Problem]:
    for detail in details:
        if isinstance(detail, list):
            yield from _problems(detail)
        else:
            yield Problem.model_validate(detail)
