"""The message handlers of RequestWorkflow: for each verb an update, its validator, and a signal of the same name.

A refused update is refused by its validator and leaves no trace in history. A signal cannot be refused, so its handler
takes anything, even no payload or several (a handler that cannot be called stalls the workflow), and notes a refusal.
Payloads are plain JSON (see `contracts.messages`), for the CLI and Temporal Web.
"""

from pydantic import JsonValue
from temporalio import workflow

from contracts import messages as m
from contracts.tools import RULES_CHANGED
from workflows.inbox import Inbox, one_payload


class MessageHandlers:
    """What a request's workflow listens to."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    @workflow.update(description="Patch the plan: {expected_version, edits, reason?, message_id?}")
    async def amend(self, message: JsonValue = None, *more: JsonValue) -> JsonValue:
        """Patch the plan; the answer is the new plan, and what is kept, cancelled and run again."""
        raw = one_payload(message, more)
        return self._inbox.deliver(m.AMEND, raw, await self._inbox.prepare(raw))

    @amend.validator
    def check_amend(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Refuse what `amend` would refuse."""
        self._inbox.check(m.AMEND, one_payload(message, more))

    @workflow.signal(name=m.AMEND, description="Like the update; a refusal is an event and stands in the status")
    async def amend_signal(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Patch the plan; the answer is the new plan, and what is kept, cancelled and run again."""
        raw = one_payload(message, more)
        self._inbox.deliver_signal(m.AMEND, raw, await self._inbox.prepare(raw))

    @workflow.update(description="Decide an approval: {approval_id, decision: approve|deny, remember?}")
    def approve(self, message: JsonValue = None, *more: JsonValue) -> JsonValue:
        """Decide an open approval."""
        return self._inbox.deliver(m.APPROVE, one_payload(message, more))

    @approve.validator
    def check_approve(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Refuse what `approve` would refuse."""
        self._inbox.check(m.APPROVE, one_payload(message, more))

    @workflow.signal(name=m.APPROVE, description="Like the update; a refusal is an event and stands in the status")
    def approve_signal(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Decide an open approval."""
        self._inbox.deliver_signal(m.APPROVE, one_payload(message, more))

    @workflow.update(description="Answer a question: {question_id, text}")
    def reply(self, message: JsonValue = None, *more: JsonValue) -> JsonValue:
        """Answer an open question."""
        return self._inbox.deliver(m.REPLY, one_payload(message, more))

    @reply.validator
    def check_reply(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Refuse what `reply` would refuse."""
        self._inbox.check(m.REPLY, one_payload(message, more))

    @workflow.signal(name=m.REPLY, description="Like the update; a refusal is an event and stands in the status")
    def reply_signal(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Answer an open question."""
        self._inbox.deliver_signal(m.REPLY, one_payload(message, more))

    @workflow.update(description="Start no further step: {}")
    def pause(self, message: JsonValue = None, *more: JsonValue) -> JsonValue:
        """Start no further step until resumed."""
        return self._inbox.deliver(m.PAUSE, one_payload(message, more))

    @pause.validator
    def check_pause(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Refuse what `pause` would refuse."""
        self._inbox.check(m.PAUSE, one_payload(message, more))

    @workflow.signal(name=m.PAUSE, description="Like the update; a refusal is an event and stands in the status")
    def pause_signal(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Start no further step until resumed."""
        self._inbox.deliver_signal(m.PAUSE, one_payload(message, more))

    @workflow.update(description="Go on after a pause: {}")
    def resume(self, message: JsonValue = None, *more: JsonValue) -> JsonValue:
        """Go on after a pause."""
        return self._inbox.deliver(m.RESUME, one_payload(message, more))

    @resume.validator
    def check_resume(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Refuse what `resume` would refuse."""
        self._inbox.check(m.RESUME, one_payload(message, more))

    @workflow.signal(name=m.RESUME, description="Like the update; a refusal is an event and stands in the status")
    def resume_signal(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Go on after a pause."""
        self._inbox.deliver_signal(m.RESUME, one_payload(message, more))

    @workflow.update(description="Cancel one step: {step_id}")
    def cancel_step(self, message: JsonValue = None, *more: JsonValue) -> JsonValue:
        """Cancel one step."""
        return self._inbox.deliver(m.CANCEL_STEP, one_payload(message, more))

    @cancel_step.validator
    def check_cancel_step(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Refuse what `cancel_step` would refuse."""
        self._inbox.check(m.CANCEL_STEP, one_payload(message, more))

    @workflow.signal(name=m.CANCEL_STEP, description="Like the update; a refusal is an event and stands in the status")
    def cancel_step_signal(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Cancel one step."""
        self._inbox.deliver_signal(m.CANCEL_STEP, one_payload(message, more))

    @workflow.update(description="Cancel the request: {reason?}")
    def cancel(self, message: JsonValue = None, *more: JsonValue) -> JsonValue:
        """Cancel the request."""
        return self._inbox.deliver(m.CANCEL, one_payload(message, more))

    @cancel.validator
    def check_cancel(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Refuse what `cancel` would refuse."""
        self._inbox.check(m.CANCEL, one_payload(message, more))

    @workflow.signal(name=m.CANCEL, description="Like the update; a refusal is an event and stands in the status")
    def cancel_signal(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Cancel the request."""
        self._inbox.deliver_signal(m.CANCEL, one_payload(message, more))

    @workflow.signal(name=m.CHILD_FINISHED, description="A sub-request tells its end")
    def child_finished(self, message: JsonValue = None, *more: JsonValue) -> None:
        """Take the end of a sub-request."""
        self._inbox.child_finished(one_payload(message, more))

    @workflow.signal(
        name=RULES_CHANGED, description="The rules for tool calls have changed: judge open approvals again"
    )
    def rules_changed(self, *_: JsonValue) -> None:
        """Judge open approvals of tool calls again."""
        self._inbox.rules_changed()
