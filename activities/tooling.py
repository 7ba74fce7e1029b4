"""The Tooling port: binding tool steps to what servers offer, making their calls ready, and making them."""

from temporalio import activity

from activities.attempt import TimeLeft, is_last
from activities.errors import Mapped
from activities.granting import Granting
from activities.heartbeat import Beating
from activities.tool_readiness import make_ready
from contracts.calls import Executed
from contracts.ports import Tooling
from contracts.tools import BindInput, Bound, CallToolInput, PrepareCallInput, PreparedCall
from domain.caller_errors import Forbidden
from domain.errors import (
    InvalidInput,
    ToolAnswerTooLarge,
    ToolArgumentsInvalid,
    ToolAuthNeeded,
    ToolError,
    ToolMissing,
    ToolNeedsInput,
    ToolRefused,
    ToolTimedOut,
)
from domain.evaluation import Answer, Evaluation, by_rule
from domain.events import Event, EventType, StepFinished
from domain.step import Hold, HoldKind, StepStatus
from domain.tools import Action
from services.storage import events
from services.storage.database import Database
from services.storage.tool_journal import Kept, ToolCallKey
from services.tools.assignment import Assignment, Made
from services.tools.calls import ToolCaller
from services.tools.registry import binding

TRIES = 5
"""Attempts that a server which does not answer is given in one round; the back-off between them grows to 4 s."""
_PLAN_MUST_CHANGE = (ToolArgumentsInvalid, ToolMissing, ToolNeedsInput, ToolRefused, ToolAnswerTooLarge)
"""What the same call meets again however often it is made."""


class McpTooling(Tooling):
    """Tools of MCP servers."""

    def __init__(self, db: Database, caller: ToolCaller, granting: Granting | None = None) -> None:
        self._db = db
        self._caller = caller
        self._granting = granting or Granting()

    @activity.defn(name="bind_tools")
    async def bind_tools(self, request: BindInput) -> Bound:
        """Give the steps of kind tool their pins, and check their parameters as far as they are known."""
        facts = request.facts
        with Mapped():
            may_use = await self._granting.tools(facts)
            servers = facts.options.tool_servers
            steps, problems = await binding.bind(self._db, facts.owner, request.steps, servers, may_use=may_use)
        return Bound(steps=() if problems else steps, problems=problems)

    @activity.defn(name="prepare_call")
    async def prepare_call(self, request: PrepareCallInput) -> PreparedCall:
        """Resolve a step's parameters, check them, compare the contract with the pin, and ask the policy."""
        with Mapped():
            return await make_ready(self._db, request, await self._granting.tools(request.facts))

    @activity.defn(name="call_tool")
    async def call_tool(self, request: CallToolInput) -> Executed:
        """Make the call once at most; heartbeat each second, tell progress as events, journal the answer.

        What no further attempt mends comes back in the result: an error, or a hold for a person to decide.
        """
        time_left = TimeLeft()
        with Mapped():
            async with Beating() as beating:
                return await self._call(request, time_left, beating)

    async def _call(self, request: CallToolInput, time_left: TimeLeft, beating: Beating) -> Executed:
        step, action = request.step, request.step.action
        if action is None:
            raise InvalidInput("the step names no tool")
        work = Assignment(
            key=ToolCallKey(request.facts.request_id, step.id, request.round, request.launch),
            owner=request.facts.owner,
            action=action,
            call=request.call,
            events=request.events,
            again=request.again,
            timeout_s=min(step.timeout_s, time_left.seconds()),
            conclude=lambda kept, text: _end(request, kept, text),
            heard=beating.tell,
        )
        try:
            await self._check(request, action)
            made = await self._caller.call(work)
        except ToolError as error:
            if _tries_again(request, error):
                raise
            return _failed(request, error)
        return _held(made) if isinstance(made, Hold) else _executed(request, made)

    async def _check(self, request: CallToolInput, action: Action) -> None:
        """Go on only if the tool may be called. What goes before the call is recorded also when it may not."""
        try:
            await self._granting.check_tool(request.facts, action)
        except (ToolRefused, Forbidden):
            await events.append(self._db, request.facts.request_id, request.events)
            raise


def _tries_again(request: CallToolInput, error: ToolError) -> bool:
    """Return whether another attempt follows. One that took all the step's time is a round of its own.

    A write that may have happened gets its attempt all the same: to be looked up.
    """
    if isinstance(error, ToolTimedOut) and (request.call.may_repeat or not error.may_have_happened):
        return False
    return error.retryable and activity.info().attempt < TRIES and not is_last(error)


def _judge(request: CallToolInput, text: str) -> Evaluation:
    """Judge by rule. A write that answered is never made again for the sake of its answer: the plan must change."""
    evaluation = by_rule(Answer(text=text or "(empty)"), request.step.expects)
    once = not request.call.may_repeat or request.last_round
    return evaluation if evaluation.success else evaluation.model_copy(update={"needs_adjustment": once})


def _end(request: CallToolInput, kept: Kept, text: str) -> tuple[Event, ...]:
    """Return the step's end if a rule passes the answer: it needs no decision of the workflow."""
    evaluation, step = _judge(request, text), request.step
    if not evaluation.success or step.evaluate == "model":
        return ()
    end = StepFinished(
        step_id=step.id, round=request.round, status=StepStatus.SUCCEEDED, result=kept.text, evaluation=evaluation
    )
    data = {"v": 1, **end.data()}
    return (Event(source=f"end/{step.id}", source_seq=request.round, type=EventType.STEP_FINISHED, data=data),)


def _executed(request: CallToolInput, made: Made) -> Executed:
    evaluation = _judge(request, made.text)
    asks_model = evaluation.success and request.step.evaluate == "model"
    return Executed(
        text=made.kept.text,
        evaluation=None if asks_model else _with_marks(evaluation, made.kept.marks),
        recorded=evaluation.success and not asks_model,
    )


def _with_marks(evaluation: Evaluation, marks: tuple[str, ...]) -> Evaluation:
    """Say what was odd about an answer that passes."""
    if not marks or not evaluation.success:
        return evaluation
    return evaluation.model_copy(update={"reason": f"marked: {', '.join(marks)}"})


def _failed(request: CallToolInput, error: ToolError) -> Executed:
    """Make the round's end of an error: a read may have another round, a write's failure is for the planner."""
    if isinstance(error, ToolAuthNeeded):
        return _held(Hold(kind=HoldKind.SIGN_IN, reason=str(error)))
    if error.may_have_happened and error.retryable and not request.call.may_repeat:
        return _held(Hold(kind=HoldKind.UNCERTAIN, reason=f"the call may have taken effect: {error}"))
    must_change = isinstance(error, _PLAN_MUST_CHANGE) or not request.call.may_repeat or request.last_round
    evaluation = Evaluation(success=False, reason=str(error), needs_adjustment=must_change)
    return Executed(evaluation=evaluation, error=str(error), error_code=error.code)


def _held(hold: Hold) -> Executed:
    return Executed(hold=hold, error=hold.reason, error_code=hold.kind.value)
