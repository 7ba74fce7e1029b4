"""The events of a request's log, and what each carries.

`data` always holds `v: 1`. The read models are a fold of these events (see `services.storage.views`), applied in the
transaction that appends them; so an event carries all that its read model needs.

| type | data |
|---|---|
| request.accepted | message (Text), owner, options, conversation_id, user_id, parent, depth, simulated, forked_from;
|                  | who pays: tenant, key_id, wallet (a sub-request has its parent's) |
| request.phase | phase, paused |
| request.understood | processed_input, language |
| request.finished | outcome (Outcome) |
| plan.created, plan.amended | plan (Plan), kept, cancelled, rerun; message_id on an amendment |
| plan.refused | problems, attempt |
| step.started | step_id, round, child (workflow id or None) |
| step.retried | step_id, round, feedback |
| step.finished | step_id, round, status, result (Text or None), evaluation, note |
| text.delta | step_id, call_id, text |
| text.reset | step_id, call_id |
| question.asked | question (Question) |
| question.answered | question_id, reply (None: nobody replied, the default holds) |
| approval.asked | approval (Approval) |
| approval.decided | approval_id, decision (approve, deny, expired; freed by a rule; withdrawn: not needed) |
| tool.called | step_id, call_id, action (Action), effect, n |
| tool.progress | step_id, call_id, progress, total, message |
| tool.finished | step_id, call_id, status (finished, failed, uncertain, found), error, marks |
| cost | step_id, call_id, micros, usage, model, simulated (whether a simulated model answered) |
| message.refused | message, message_id, problems |
| call.chunk | call_id, first, chunks, size: a gateway answer's chunks as they came, numbered from `first`; bytes |
| | without chunks: that so many bytes came, of an answer that nobody hears chunk by chunk |
| call.reset | call_id: forget the chunks so far |
| call.finished | outcome (CallOutcome) |

Events of source `wf` are appended in their order. A step's events come from its activities too, so each carries the
`round` it belongs to: the read model takes a `step.started` or `step.retried` only for a round above the one it has,
and a `step.finished` only for a round not below it. A round that a rule passes is finished by its activity, in the
transaction that stores the answer; what else becomes of a step, the workflow says. Its `step.finished` names the last
round that the launch may use, so it stands against whatever that launch still writes.
"""

from enum import StrEnum
from typing import Any

from domain.content import Text
from domain.evaluation import Evaluation
from domain.value import Value


class EventType(StrEnum):
    """The types of events."""

    REQUEST_ACCEPTED = "request.accepted"
    REQUEST_PHASE = "request.phase"
    REQUEST_UNDERSTOOD = "request.understood"
    REQUEST_FINISHED = "request.finished"
    PLAN_CREATED = "plan.created"
    PLAN_AMENDED = "plan.amended"
    PLAN_REFUSED = "plan.refused"
    STEP_STARTED = "step.started"
    STEP_RETRIED = "step.retried"
    STEP_FINISHED = "step.finished"
    TEXT_DELTA = "text.delta"
    TEXT_RESET = "text.reset"
    QUESTION_ASKED = "question.asked"
    QUESTION_ANSWERED = "question.answered"
    APPROVAL_ASKED = "approval.asked"
    APPROVAL_DECIDED = "approval.decided"
    TOOL_CALLED = "tool.called"
    TOOL_PROGRESS = "tool.progress"
    TOOL_FINISHED = "tool.finished"
    COST = "cost"
    MESSAGE_REFUSED = "message.refused"
    CALL_CHUNK = "call.chunk"
    CALL_RESET = "call.reset"
    CALL_FINISHED = "call.finished"


class StepFinished(Value):
    """What `step.finished` carries: by whoever it is told, a step's end looks the same."""

    step_id: str
    round: int
    status: str
    result: Text | None = None
    evaluation: Evaluation | None = None
    note: str | None = None

    def data(self) -> dict[str, Any]:
        """Return the event's data, absent fields left out."""
        return self.model_dump(mode="json", exclude_none=True)


class Event(Value):
    """An event to append. (request, `source`, `source_seq`) is unique: appending it again changes nothing.

    Sources: `wf` the request's workflow, `step/<id>` a step runner, `call/<call id>` a model call, `api` the edge.
    """

    source: str
    source_seq: int
    type: EventType
    data: dict[str, Any]
