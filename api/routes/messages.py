"""Messages to a running request: each waits for the workflow's own answer, at most 10 seconds."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends
from pydantic import JsonValue

from api.bodies import StrictRoute
from api.caller import Caller, CallerOf
from api.documents.messages import CancelBody, PlainBody
from api.messaging import deliver, message_of
from api.parameters import IdempotencyKey, RequestId, StepId
from api.parts import Parts, PartsOf
from api.problems import errors
from contracts import messages as m
from domain.edits import Amendment
from domain.value import Value

router = APIRouter(prefix="/v1/requests/{request_id}", tags=["messages"], route_class=StrictRoute)
_ERRORS = errors(400, 403, 404, 409, 413, 415, 422, 503, 504)


class Desk:
    """Where a route hands its message in: who asks, for which request, with which key."""

    def __init__(self, request_id: RequestId, parts: PartsOf, caller: CallerOf, key: IdempotencyKey = None) -> None:
        """Take what all message routes have in common."""
        self._request_id = request_id
        self._parts: Parts = parts
        self._caller: Caller = caller
        self._key = key

    async def send(self, name: str, body: Value, **extra: str) -> JsonValue:
        """Send a message."""
        said: dict[str, JsonValue] = {**body.model_dump(mode="json", exclude_unset=True), **extra}
        message = message_of(self._request_id, name, said, self._key)
        return await deliver(self._parts, self._caller, message)


DeskOf = Annotated[Desk, Depends(Desk)]
AmendmentBody = Annotated[
    Amendment,
    Body(
        openapi_examples={
            "prompt and step": {
                "summary": "Change a prompt, add a step",
                "value": {
                    "expected_version": 1,
                    "edits": [
                        {"op": "set_prompt", "step_id": "s3", "prompt": "Say which is colder."},
                        {"op": "add", "step": {"id": "title", "prompt": "Find a title.", "depends_on": ["s3"]}},
                    ],
                    "reason": "colder, with a title",
                },
            }
        }
    ),
]
_PLAIN = PlainBody()
_CANCEL = CancelBody()


@router.post("/amend", responses=_ERRORS | errors(402))
async def amend(body: AmendmentBody, desk: DeskOf) -> m.AmendAnswer:
    """Patch the plan, whole or not at all. 409: the plan has moved on; 422: the patch is wrong in itself.

    A raised budget is held first: 402 where there is no money for it, 409 where other work holds it.
    """
    return m.AmendAnswer.model_validate(await desk.send(m.AMEND, body))


@router.post("/approve", responses=_ERRORS)
async def approve(body: m.Approve, desk: DeskOf) -> m.Done:
    """Decide an open approval."""
    return m.Done.model_validate(await desk.send(m.APPROVE, body))


@router.post("/reply", responses=_ERRORS)
async def reply(body: m.Reply, desk: DeskOf) -> m.Done:
    """Answer an open question."""
    return m.Done.model_validate(await desk.send(m.REPLY, body))


@router.post("/pause", responses=_ERRORS)
async def pause(desk: DeskOf, body: PlainBody = _PLAIN) -> m.Done:
    """Start no further step; running ones go on."""
    return m.Done.model_validate(await desk.send(m.PAUSE, body))


@router.post("/resume", responses=_ERRORS)
async def resume(desk: DeskOf, body: PlainBody = _PLAIN) -> m.Done:
    """Go on after a pause."""
    return m.Done.model_validate(await desk.send(m.RESUME, body))


@router.post("/cancel", responses=_ERRORS)
async def cancel(desk: DeskOf, body: CancelBody = _CANCEL) -> m.Done:
    """Cancel the request: running model calls stop within 5 seconds, what was spent is settled."""
    return m.Done.model_validate(await desk.send(m.CANCEL, body))


@router.post("/steps/{step_id}/cancel", responses=_ERRORS)
async def cancel_step(step_id: StepId, desk: DeskOf, body: PlainBody = _PLAIN) -> m.Done:
    """Cancel one step; those that need its result are skipped."""
    return m.Done.model_validate(await desk.send(m.CANCEL_STEP, body, step_id=step_id))
