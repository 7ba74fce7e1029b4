"""Tools that send a message to a running request and answer what its workflow answers."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from pydantic import JsonValue

from api.mcp_server.arguments import AmendPlan, Approve, CancelRequest, CancelStep, OfRequest, Plain, Reply
from api.mcp_server.calls import Call
from api.mcp_server.tool import DECIDES, STEERS, Tool
from api.messaging import deliver, message_of
from api.waiting import TURNS, Until, load_when
from contracts import messages as m
from domain.errors import Unavailable
from domain.permissions import Permission
from services.storage.views.requests import RequestView

_C: Final = Permission.REQUESTS_CONTROL
_SEEN_WITHIN_S: Final = 3.0
_ABOUT_AMEND = """Patch the plan of a running request: add or drop steps, change prompts, models, budgets, time-outs, \
dependencies, or give a result by hand. Applied whole or not at all. If the plan has moved on from expected_version \
the call is refused with stale_version: read the plan again. An added step has id, prompt, and optionally kind, \
depends_on, condition, max_retries, timeout_s, model, budget_micros; a tool step also has \
mcp_target_server_id, mcp_action_type, mcp_action_name, mcp_parameters. Answers which steps are kept, cancelled, \
rerun."""
_ABOUT_APPROVE = """Decide an open approval of a request (they stand under `approvals`, with what they are about). \
Ask the person you work for first: approving lets what was held back happen, denying the first plan ends the request. \
remember: the like of it need not be asked again for this request."""
_ABOUT_REPLY = (
    "Answer an open question of a request (they stand under `questions`). A human step takes it as its result."
)
_ABOUT_PAUSE = "Start no further step of a request until it is resumed; running steps go on."
_ABOUT_RESUME = "Let a paused request go on."
_ABOUT_CANCEL_STEP = "Cancel one step that has not ended; steps that need its result are skipped. There is no way back."
_ABOUT_CANCEL = "Cancel a request: what runs is stopped, what was spent is settled. There is no way back."


async def _send(call: Call, verb: str, given: OfRequest) -> JsonValue:
    said: dict[str, JsonValue] = given.model_dump(mode="json", exclude_unset=True, exclude={"request_id"})
    return await deliver(call.parts, call.caller, message_of(given.request_id, verb, said))


async def _seen(call: Call, given: OfRequest, shows: Callable[[RequestView], bool]) -> None:
    """Wait a little until reads show what the workflow took: else a wait begun now would see the old question."""
    with contextlib.suppress(Unavailable):  # it was taken all the same
        await load_when(call.parts, call.caller, given.request_id, Until(shows, TURNS), _SEEN_WITHIN_S)


def _plain(verb: str) -> Callable[[Call, OfRequest], Awaitable[m.Done]]:
    """Return the function that sends a message of this verb."""

    async def send(call: Call, given: OfRequest) -> m.Done:
        return m.Done.model_validate(await _send(call, verb, given))

    return send


async def _amend(call: Call, given: AmendPlan) -> m.AmendAnswer:
    return m.AmendAnswer.model_validate(await _send(call, m.AMEND, given))


async def _approve(call: Call, given: Approve) -> m.Done:
    done = m.Done.model_validate(await _send(call, m.APPROVE, given))
    await _seen(call, given, lambda view: all(approval.id != given.approval_id for approval in view.approvals))
    return done


async def _reply(call: Call, given: Reply) -> m.Done:
    done = m.Done.model_validate(await _send(call, m.REPLY, given))
    await _seen(call, given, lambda view: all(question.id != given.question_id for question in view.questions))
    return done


async def _resume(call: Call, given: Plain) -> m.Done:
    done = m.Done.model_validate(await _send(call, m.RESUME, given))
    await _seen(call, given, lambda view: not view.paused)
    return done


MESSAGE_TOOLS = (
    Tool("amend_plan", "Amend a plan", _ABOUT_AMEND, _C, DECIDES, AmendPlan, m.AmendAnswer, _amend),
    Tool("approve", "Decide an approval", _ABOUT_APPROVE, _C, DECIDES, Approve, m.Done, _approve),
    Tool("reply", "Answer a question", _ABOUT_REPLY, _C, STEERS, Reply, m.Done, _reply),
    Tool("pause", "Pause a request", _ABOUT_PAUSE, _C, STEERS, Plain, m.Done, _plain(m.PAUSE)),
    Tool("resume", "Resume a request", _ABOUT_RESUME, _C, STEERS, Plain, m.Done, _resume),
    Tool("cancel_step", "Cancel a step", _ABOUT_CANCEL_STEP, _C, DECIDES, CancelStep, m.Done, _plain(m.CANCEL_STEP)),
    Tool("cancel_request", "Cancel a request", _ABOUT_CANCEL, _C, DECIDES, CancelRequest, m.Done, _plain(m.CANCEL)),
)
