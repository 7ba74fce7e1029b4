"""Taking messages: parse, refuse with reasons, or change the state and answer.

The workflow's handlers call `deliver`; it never awaits, so no two messages interleave. Only the tools that an amendment
brings are looked up before, and a budget that it raises is held, by `prepare`; the amendment is judged after that,
against the plan as it is by then.
"""

from collections.abc import Callable
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError
from temporalio import workflow
from temporalio.exceptions import ApplicationError

from contracts import messages as m
from contracts.tools import Bound
from domain.amending import take_amendment
from domain.drafts import problems_of
from domain.edits import Amendment
from domain.errors import AmendmentRefused, InvalidInput, Problem
from domain.events import EventType
from domain.outcomes import stop
from domain.request import Approval, Phase
from domain.run_state import Stop
from domain.scheduling import end_without_run
from domain.step import StepKind, StepStatus
from domain.value import Value
from workflows.binding import bind_tools
from workflows.holding import raise_hold
from workflows.shell import Shell

_TYPES: dict[str, TypeAdapter[Any]] = {
    m.AMEND: TypeAdapter(Amendment),
    m.APPROVE: TypeAdapter(m.Approve),
    m.REPLY: TypeAdapter(m.Reply),
    m.PAUSE: TypeAdapter(m.Pause),
    m.RESUME: TypeAdapter(m.Resume),
    m.CANCEL_STEP: TypeAdapter(m.CancelStep),
    m.CANCEL: TypeAdapter(m.Cancel),
}


def one_payload(message: JsonValue, more: tuple[JsonValue, ...]) -> JsonValue:
    """Return the one payload of a message: none is an empty object, several are a list, which no message is."""
    if more:
        return [message, *more]
    return {} if message is None else message


class Inbox:
    """The messages of one request."""

    def __init__(self, shell: Shell, *, dry: bool = False) -> None:
        """`dry`: nothing is done, so tools that an amendment brings need not be looked up."""
        self._shell = shell
        self._dry = dry
        self._take: dict[str, Callable[[Any], Value]] = {
            m.APPROVE: self._approve,
            m.REPLY: self._reply,
            m.PAUSE: lambda _: self._set_paused(paused=True),
            m.RESUME: lambda _: self._set_paused(paused=False),
            m.CANCEL_STEP: self._cancel_step,
            m.CANCEL: self._cancel,
        }

    def check(self, name: str, raw: JsonValue) -> None:
        """Refuse what `deliver` would refuse, on a copy of the state.

        Raises:
            ApplicationError: As `deliver`.
        """
        copy = Shell(self._shell.request, self._shell.state.copy(), lambda: None)
        Inbox(copy, dry=True).deliver(name, raw)

    async def prepare(self, raw: JsonValue) -> Bound | None:
        """Look up the tools that an amendment brings, and hold the budget that it raises, or say why neither is had.

        Returns None when it brings no tools and nothing is wanting, or when `deliver` will refuse it anyway. What is
        held for an amendment that is refused after all stays held until the request ends.
        """
        shell = self._shell
        try:
            message = _amendment(self._parse(m.AMEND, raw))
            amended = take_amendment(shell.state.copy(), message, shell.request.caps, workflow.now(), None)
        except InvalidInput:
            return None
        bound = None
        if any(step.pin is None for step in amended.plan.steps if step.kind is StepKind.TOOL):
            bound = await bind_tools(shell, amended.plan.steps)
            if bound.problems:
                return bound
        if amended.budget_micros and shell.facts.held:
            problems = await raise_hold(shell, amended.budget_micros)
            if problems:
                return Bound(problems=problems)
        return bound

    def deliver(self, name: str, raw: JsonValue, bound: Bound | None = None) -> JsonValue:
        """Take an update. `bound`: what `prepare` gave for an amendment.

        Raises:
            ApplicationError: Refused; type `AmendmentRefused` or `MessageRefused`, details are the problems.
        """
        try:
            return self._deliver(name, raw, bound)
        except InvalidInput as error:
            kind = m.AMENDMENT_REFUSED if name == m.AMEND else m.MESSAGE_REFUSED
            details = [problem.model_dump() for problem in error.problems]
            raise ApplicationError(str(error), details, type=kind, non_retryable=True) from None

    def deliver_signal(self, name: str, raw: JsonValue, bound: Bound | None = None) -> None:
        """Take a signal; a refusal is an event and stands in the status."""
        try:
            self._deliver(name, raw, bound)
        except InvalidInput as error:
            message_id = raw.get("message_id") if isinstance(raw, dict) else None
            known = message_id if isinstance(message_id, str) else None
            self._shell.state.refuse(name, known, error.problems)
            self._shell.wake()

    def child_finished(self, raw: JsonValue) -> None:
        """Take the end of a sub-request; the key is the parent's, so a stranger's or a late one finds no waiter."""
        try:
            told = m.ChildFinished.model_validate(raw)
        except ValidationError as error:
            self._shell.state.refuse(m.CHILD_FINISHED, None, problems_of(error, ""))
            return
        key = f"{told.parent.step_id}/{told.parent.launch}"
        if key in self._shell.state.children:
            self._shell.state.child_outcomes[key] = told.outcome
        self._shell.wake()

    def rules_changed(self) -> None:
        """Let every gate ask the policy again."""
        self._shell.rules_seen += 1
        self._shell.wake()

    def _deliver(self, name: str, raw: JsonValue, bound: Bound | None) -> JsonValue:
        message = self._parse(name, raw)
        state = self._shell.state
        if message.message_id is not None and message.message_id in state.answered:
            return state.answered[message.message_id]
        if state.phase.is_end or (state.stop is not None and name != m.CANCEL):
            raise _refusal("request_ended", "", "the request has ended or is ending")
        done = self._amend(message, bound) if isinstance(message, Amendment) else self._take[name](message)
        answer: JsonValue = done.model_dump(mode="json")
        state.remember(message.message_id, answer)
        self._shell.wake()
        return answer

    def _parse(self, name: str, raw: JsonValue) -> m.Message:
        try:
            message: m.Message = _TYPES[name].validate_python(raw)
        except ValidationError as error:
            problems = problems_of(error, "")
            where = problems[0].path or "/"
            raise InvalidInput(f"{name}: {where} {problems[0].message}", problems) from None
        return message

    def _amend(self, message: Amendment, bound: Bound | None) -> m.AmendAnswer:
        if bound is not None and bound.problems:
            raise AmendmentRefused(bound.problems[0].message, bound.problems)
        steps = None if self._dry else (bound.steps if bound else ())
        amended = take_amendment(self._shell.state, message, self._shell.request.caps, workflow.now(), steps)
        return m.AmendAnswer(
            version=amended.plan.version,
            plan=amended.plan.model_dump(mode="json"),
            kept=amended.kept,
            cancelled=amended.cancelled,
            rerun=amended.rerun,
        )

    def _approve(self, message: m.Approve) -> m.Done:
        state = self._shell.state
        if message.approval_id not in state.approvals or message.approval_id in state.decisions:
            raise _refusal("unknown_approval", "/approval_id", f"no open approval {message.approval_id!r}")
        state.decisions[message.approval_id] = message.decision
        if message.remember and message.decision == "approve":
            self._remember(state.approvals[message.approval_id])
        return self._done()

    def _remember(self, approval: Approval) -> None:
        state = self._shell.state
        if approval.action is None:
            state.approved_rest = True
        elif str(approval.action) not in state.approved_tools:
            state.approved_tools.append(str(approval.action))

    def _reply(self, message: m.Reply) -> m.Done:
        state = self._shell.state
        if message.question_id not in state.questions or message.question_id in state.replies:
            raise _refusal("unknown_question", "/question_id", f"no open question {message.question_id!r}")
        state.replies[message.question_id] = message.text
        return self._done()

    def _set_paused(self, *, paused: bool) -> m.Done:
        state = self._shell.state
        if state.paused is not paused:
            state.paused = paused
            state.emit(EventType.REQUEST_PHASE, phase=state.phase.value, paused=paused)
        return self._done()

    def _cancel_step(self, message: m.CancelStep) -> m.Done:
        run = self._shell.state.runs.get(message.step_id)
        if run is None:
            raise _refusal("unknown_step", "/step_id", f"there is no step {message.step_id!r}")
        if run.status.is_end:
            raise _refusal("step_finished", "/step_id", f"step {message.step_id!r} has ended")
        end_without_run(self._shell.state, message.step_id, StepStatus.CANCELLED, "cancelled by the user")
        return self._done()

    def _cancel(self, message: m.Cancel) -> m.Done:
        stop(self._shell.state, Stop(phase=Phase.CANCELLED, reason="cancelled", detail=message.reason))
        return self._done()

    def _done(self) -> m.Done:
        state = self._shell.state
        return m.Done(phase=state.phase, paused=state.paused, plan_version=state.plan.version if state.plan else None)


def _amendment(message: m.Message) -> Amendment:
    if not isinstance(message, Amendment):
        raise TypeError("not an amendment")
    return message


def _refusal(code: str, path: str, message: str) -> InvalidInput:
    return InvalidInput(message, (Problem(code=code, path=path, message=message),))
