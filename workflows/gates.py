"""Gates of tool steps: an open approval, a durable wait for the person who decides, and what holds when nobody does."""

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

from contracts.tools import Gate
from domain.events import EventType
from domain.request import Approval, ApprovalKind
from domain.step import Step, StepStatus
from domain.tools import ReadyCall
from workflows.shell import Shell

APPROVE, DENY, EXPIRED, FREED, WITHDRAWN = "approve", "deny", "expired", "freed", "withdrawn"
"""How a wait ends: a person decided; nobody did (`expired`: the default denies); the rules changed, so that the policy
must be asked again; the launch is not wanted any more."""


async def pass_gate(shell: Shell, step: Step, call: ReadyCall, gate: Gate, over: Callable[[], bool]) -> str:
    """Ask for the approval of a call, and wait. Answers one of the words above."""
    approval = _open(shell, step, call, gate)
    decision = await _decision(shell, approval, over)
    if decision != FREED:
        _close(shell, step, approval, decision)
    return decision


def _open(shell: Shell, step: Step, call: ReadyCall, gate: Gate) -> Approval:
    """Return the open approval of this very call, from before a continue-as-new or a change of rules, or a new one."""
    state = shell.state
    for known in state.approvals.values():
        if known.step_id == step.id and known.kind is gate.kind and known.arguments == call.arguments:
            return known
    seconds = gate.timeout_s or shell.facts.options.approval_timeout_s
    approval = Approval(
        id=f"a_{step.id}_{state.next_round(f'@approve/{step.id}')}",
        plan_version=state.plan.version if state.plan else 1,
        expires_at=workflow.now() + timedelta(seconds=seconds),
        kind=gate.kind,
        default=gate.default,
        step_id=step.id,
        action=step.action,
        effect=call.pin.effect,
        arguments=call.arguments,
        changes=gate.changes,
        reason=gate.reason,
    )
    state.approvals[approval.id] = approval
    state.runs[step.id] = state.runs[step.id].model_copy(update={"status": StepStatus.WAITING})
    state.emit(EventType.APPROVAL_ASKED, approval=approval)
    shell.wake()
    return approval


async def _decision(shell: Shell, approval: Approval, over: Callable[[], bool]) -> str:
    state, seen = shell.state, shell.rules_seen

    def ended() -> bool:
        rules_changed = approval.kind is ApprovalKind.TOOL and shell.rules_seen != seen
        return approval.id in state.decisions or over() or rules_changed

    left = (approval.expires_at - workflow.now()).total_seconds()
    try:
        await workflow.wait_condition(ended, timeout=max(left, 0.001), timeout_summary=approval.id)
    except TimeoutError:
        return APPROVE if approval.default == APPROVE else EXPIRED
    if over():
        return WITHDRAWN
    return state.decisions.get(approval.id, FREED)


def close_freed(shell: Shell, step: Step) -> None:
    """Close the step's open approval: the policy does not want it any more."""
    for approval in [known for known in shell.state.approvals.values() if known.step_id == step.id]:
        _close(shell, step, approval, FREED)


def _close(shell: Shell, step: Step, approval: Approval, decision: str) -> None:
    state = shell.state
    del state.approvals[approval.id]
    run = state.runs.get(step.id)
    if run is not None and run.status is StepStatus.WAITING:
        state.runs[step.id] = run.model_copy(update={"status": StepStatus.RUNNING})
    state.emit(EventType.APPROVAL_DECIDED, approval_id=approval.id, decision=decision)
    shell.wake()
