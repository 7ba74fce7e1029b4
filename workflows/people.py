"""Durable waits for people: questions of the coordinator and of human steps, and approvals of plans."""

from datetime import timedelta

from temporalio import workflow

from domain.content import Text
from domain.events import EventType
from domain.request import Approval, Phase, Question
from domain.step import Step, StepResult, StepStatus
from workflows.shell import Shell


async def wait_until(shell: Shell, question: Question | Approval, answers: dict[str, str]) -> str | None:
    """Wait for an answer to come into `answers`, until the question expires or the request stops.

    Returns:
        The answer, or None.
    """
    left = (question.expires_at - workflow.now()).total_seconds()
    try:
        await workflow.wait_condition(
            lambda: question.id in answers or shell.stopped, timeout=max(left, 0.001), timeout_summary=question.id
        )
    except TimeoutError:
        return None
    return answers.get(question.id)


async def ask(shell: Shell, question: Question) -> str | None:
    """Ask the user and wait; None: nobody answered in time."""
    state = shell.state
    if question.id not in state.questions:
        state.questions[question.id] = question
        state.emit(EventType.QUESTION_ASKED, question=question)
    await shell.flush()
    reply = await wait_until(shell, question, state.replies)
    del state.questions[question.id]
    state.emit(EventType.QUESTION_ANSWERED, question_id=question.id, reply=reply)
    return reply


async def approve_plan(shell: Shell, version: int) -> str:
    """Ask for the approval of a plan version: `approve`, `deny` or `expired`."""
    state, options = shell.state, shell.facts.options
    if options.approval == "none" or state.approved_rest:
        return "approve"
    phase = state.phase
    expires = workflow.now() + timedelta(seconds=options.approval_timeout_s)
    approval = Approval(id=f"a_plan_{version}", plan_version=version, expires_at=expires)
    state.approvals[approval.id] = approval
    state.enter(Phase.APPROVING)
    state.emit(EventType.APPROVAL_ASKED, approval=approval)
    await shell.flush()
    decision = await wait_until(shell, approval, state.decisions) or "expired"
    del state.approvals[approval.id]
    state.emit(EventType.APPROVAL_DECIDED, approval_id=approval.id, decision=decision)
    if not shell.stopped:
        state.enter(phase)
    return decision


async def ask_step(shell: Shell, step: Step, launch: int) -> StepResult:
    """Run a human step: its prompt is the question, the reply its result."""
    state = shell.state
    question_id = f"q_{step.id}_{launch}"
    expires = workflow.now() + timedelta(seconds=step.timeout_s)
    question = state.questions.get(question_id) or Question(
        id=question_id, text=step.prompt, default=step.default, expires_at=expires, step_id=step.id
    )
    if question_id not in state.questions:
        state.questions[question_id] = question
        state.runs[step.id] = state.runs[step.id].model_copy(update={"status": StepStatus.WAITING})
        state.emit(EventType.QUESTION_ASKED, question=question)
        shell.wake()
    reply = await _reply_to(shell, question, launch)
    del state.questions[question_id]
    state.emit(EventType.QUESTION_ANSWERED, question_id=question_id, reply=reply)
    text = reply if reply is not None else step.default
    if text is None:
        return StepResult(status=StepStatus.FAILED, note="nobody answered in time")
    return StepResult(status=StepStatus.SUCCEEDED, text=Text.inline(text))


async def _reply_to(shell: Shell, question: Question, launch: int) -> str | None:
    state, step_id = shell.state, question.step_id or ""

    def over() -> bool:
        run = state.runs.get(step_id)
        replaced = run is None or run.launches != launch or not run.status.is_active
        return question.id in state.replies or replaced

    left = (question.expires_at - workflow.now()).total_seconds()
    try:
        await workflow.wait_condition(over, timeout=max(left, 0.001), timeout_summary=question.id)
    except TimeoutError:
        return None
    return state.replies.get(question.id)
