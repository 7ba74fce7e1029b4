"""Messages to a request's workflow. Each is an update and a signal of the same name, in plain JSON.

`message_id` makes a message idempotent: the same id again gets the first answer. A refused update fails with an
ApplicationError of type `AmendmentRefused` or `MessageRefused` whose details are `[{code, path, message}]`; a refused
signal is an event `message.refused` and stands in the status.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from domain.edits import Amendment
from domain.request import Approval, Outcome, ParentStep, Phase, Question
from domain.run_state import Refusal
from domain.value import Value

MessageId = Annotated[str | None, Field(min_length=1, max_length=100)]

AMEND, APPROVE, REPLY, PAUSE, RESUME = "amend", "approve", "reply", "pause", "resume"
CANCEL_STEP, CANCEL, CHILD_FINISHED = "cancel_step", "cancel", "child_finished"
STATUS, PLAN, PROGRESS, COSTS = "status", "plan", "progress", "costs"
AMENDMENT_REFUSED, MESSAGE_REFUSED = "AmendmentRefused", "MessageRefused"


class Approve(Value):
    """Decide an open approval. `remember`: later plans of this request, or calls of this tool, need none any more."""

    approval_id: str = Field(max_length=100)
    decision: Literal["approve", "deny"]
    remember: bool = False
    message_id: MessageId = None


class Reply(Value):
    """Answer an open question."""

    question_id: str = Field(max_length=100)
    text: str = Field(min_length=1, max_length=32_768)
    message_id: MessageId = None


class Pause(Value):
    """Start no further step until resumed; running ones go on."""

    message_id: MessageId = None


class Resume(Value):
    """Go on after a pause."""

    message_id: MessageId = None


class CancelStep(Value):
    """Cancel one step; those that need its result are skipped."""

    step_id: str = Field(max_length=40)
    message_id: MessageId = None


class Cancel(Value):
    """Cancel the request: stop what runs, settle, end as `cancelled`."""

    reason: str = Field(default="cancelled by the user", max_length=1000)
    message_id: MessageId = None


class ChildFinished(Value):
    """A sub-request's end, told to its parent."""

    parent: ParentStep
    outcome: Outcome


class Done(Value):
    """The answer to a message that has nothing else to say."""

    phase: Phase
    paused: bool
    plan_version: int | None = None


class AmendAnswer(Value):
    """The answer to an amendment: the new plan, and what happens to its steps."""

    version: int
    plan: dict[str, Any]
    kept: tuple[str, ...]
    cancelled: tuple[str, ...]
    rerun: tuple[str, ...]


class StatusAnswer(Value):
    """The answer to the query `status`."""

    request_id: str
    phase: Phase
    paused: bool
    plan_version: int | None
    questions: tuple[Question, ...]
    approvals: tuple[Approval, ...]
    refusals: tuple[Refusal, ...]
    outcome: Outcome | None
    spent_micros: int
    budget_micros: int | None


class StepCosts(Value):
    """What one step has cost."""

    step_id: str
    cost_micros: int
    launches: int


class CostsAnswer(Value):
    """The answer to the query `costs`. `granted_micros`: what running steps may still spend."""

    spent_micros: int
    budget_micros: int | None
    granted_micros: int
    steps: tuple[StepCosts, ...]


Message = Amendment | Approve | Reply | Pause | Resume | CancelStep | Cancel
