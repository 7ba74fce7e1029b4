"""A tool step: the call is made ready, people approve it where they must, it runs, and people mend what stopped it."""

from collections.abc import Callable
from typing import Protocol

from temporalio import workflow

from contracts.calls import StepLaunch
from contracts.policies import DATABASE_WORK
from contracts.ports import Tooling
from contracts.tools import Gate, PrepareCallInput, PreparedCall
from domain.evaluation import Evaluation
from domain.request import ApprovalKind
from domain.step import Hold, HoldKind, StepResult, StepStatus
from domain.tools import ReadyCall
from workflows.gates import APPROVE, EXPIRED, FREED, WITHDRAWN, close_freed, pass_gate
from workflows.shell import Shell

TURNS = 20
"""How often a launch is made ready anew, for changed rules, changed tools and mended sign-ins, before it fails."""

_KINDS = {HoldKind.UNCERTAIN: ApprovalKind.UNCERTAIN, HoldKind.SIGN_IN: ApprovalKind.SIGN_IN}
_NOT_APPROVED = {EXPIRED: "nobody approved the call in time"}


class Running(Protocol):
    """A step runner, inline or in a child."""

    async def run(self) -> StepResult:
        """Run to the end."""
        ...

    def halt(self) -> None:
        """End early."""
        ...


class ToolStep:
    """One launch of a tool step. Its waits are in the request's workflow; `runner` makes what runs the call."""

    def __init__(self, shell: Shell, launch: StepLaunch, runner: Callable[[StepLaunch], Running]) -> None:
        self._shell = shell
        self._launch = launch
        self._runner = runner
        self._running: Running | None = None
        self._halted = False
        self._again = False
        self._spent = 0

    def halt(self) -> None:
        """Stop: a wait ends at once, a running call as soon as it has settled. It may be said again and again."""
        self._halted = True
        if self._running is not None:
            self._running.halt()

    async def run(self) -> StepResult:
        """Run the launch to its end."""
        for _ in range(TURNS):
            result = await self._turn()
            if self._halted:
                return self._with_costs(result or StepResult(status=StepStatus.CANCELLED))
            if result is not None:
                return self._with_costs(result)
        return self._failed("the call was made ready too often without an end")

    async def _turn(self) -> StepResult | None:
        """Make the call ready, pass its gate and make it; None: once more."""
        prepared = await self._prepare()
        if prepared.call is None:
            return self._impossible(prepared)
        refusal = await self._gate(prepared.call, prepared.gate)
        if self._halted or refusal == FREED:
            return None
        if refusal is not None:
            return self._failed(refusal)
        result = await self._call(prepared.call)
        if result.hold is None:
            return result
        refusal = await self._mend(result.hold, prepared.call)
        return None if refusal is None else self._failed(refusal)

    def _is_over(self) -> bool:
        return self._halted

    async def _prepare(self) -> PreparedCall:
        shell, launch = self._shell, self._launch
        prepared: PreparedCall = await workflow.execute_local_activity_method(
            Tooling.prepare_call,
            PrepareCallInput(
                facts=launch.facts,
                step=launch.step,
                inputs=launch.inputs,
                launch=launch.launch,
                remembered=str(launch.step.action) in shell.state.approved_tools,
            ),
            summary=f"{launch.step.id} · ready",
            **DATABASE_WORK,
        )
        return prepared

    async def _gate(self, call: ReadyCall, gate: Gate | None) -> str | None:
        """Wait for an approval if this very call needs one and has none. None: go on; else why not."""
        state, step = self._shell.state, self._launch.step
        key = f"{step.id}/{self._launch.launch}"
        if gate is None or state.approved_calls.get(key) == call.digest:
            close_freed(self._shell, step)
            return None
        decision = await pass_gate(self._shell, step, call, gate, self._is_over)
        if decision == APPROVE:
            state.approved_calls[key] = call.digest
            return None
        if decision in (FREED, WITHDRAWN):
            return FREED
        return _NOT_APPROVED.get(decision, "a person denied the call")

    async def _call(self, call: ReadyCall) -> StepResult:
        self._running = self._runner(self._launch.model_copy(update={"call": call, "again": self._again}))
        self._again = False
        result = await self._running.run()
        self._running = None
        self._spent += result.cost_micros
        return result

    async def _mend(self, hold: Hold, call: ReadyCall) -> str | None:
        """Let a person mend what stopped the call. None: try again; else why not.

        A tool that has changed is not asked about here: the call is made ready anew, and its gate shows the change.
        """
        if hold.kind is HoldKind.DRIFT:
            return None
        gate = Gate(kind=_KINDS[hold.kind], reason=hold.reason)
        decision = await pass_gate(self._shell, self._launch.step, call, gate, self._is_over)
        self._again = hold.kind is HoldKind.UNCERTAIN
        return None if decision in (APPROVE, WITHDRAWN) else hold.reason

    def _impossible(self, prepared: PreparedCall) -> StepResult:
        """End a step whose call cannot be made. A planner gets to see the pointers to what is wrong."""
        reason = "; ".join(f"{problem.path}: {problem.message}" for problem in prepared.problems[:5])
        evaluation = Evaluation(success=False, reason=reason, needs_adjustment=prepared.replan)
        return self._failed(reason).model_copy(update={"evaluation": evaluation})

    def _failed(self, reason: str) -> StepResult:
        return StepResult(status=StepStatus.FAILED, note=reason, cost_micros=self._spent)

    def _with_costs(self, result: StepResult) -> StepResult:
        return result.model_copy(update={"cost_micros": self._spent})
