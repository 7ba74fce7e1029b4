"""The Execution port: one round of a generate step."""

from temporalio import activity

from activities.attempt import TimeLeft, check_cancelled_on_purpose, is_last
from activities.errors import Mapped
from activities.heartbeat import Beating
from activities.material import background, load_cut
from activities.models import Ask, Models
from contracts.calls import Executed, ExecuteInput
from contracts.ports import Execution
from domain.content import Text
from domain.documents import StepDocument, Turn
from domain.errors import ModelAnswerTooLarge, ModelRejected
from domain.evaluation import Answer, Evaluation, by_rule
from domain.events import Event, EventType, StepFinished
from domain.step import StepStatus
from services.llm.assignment import CallFailed, CallResult
from services.llm.chat import ChatAnswer
from services.llm.errors import ModelTimedOut
from services.llm.prompts import Task
from services.storage import blobs
from services.storage.statements import Statements

_PLAN_MUST_CHANGE = (ModelRejected, ModelAnswerTooLarge)


class ModelExecution(Execution):
    """Generate steps, run by a model."""

    def __init__(self, models: Models) -> None:
        self._models = models

    @activity.defn(name="execute_step")
    async def execute_step(self, request: ExecuteInput) -> Executed:
        """Run one round of a generate step and judge it by rule. Heartbeats each second and streams its text as events.

        What no retry of this round mends comes back as an error in the result, with what it has cost; so does the last
        failure that Temporal would retry.
        """
        time_left = TimeLeft()
        with Mapped():
            async with Beating():
                return await self._execute(request, time_left)

    async def _execute(self, request: ExecuteInput, time_left: TimeLeft) -> Executed:
        step = request.step
        ask = Ask(
            task=Task.STEP,
            slot=step.id,
            timeout_s=min(step.timeout_s, time_left.seconds()),
            model=step.model,
            streams=True,
            conclude=lambda answer, stored, _way: _end(request, answer, stored),
        )

        async def document(where: Statements) -> StepDocument:
            return await _document(where, request)

        try:
            answer = await self._models.ask(request, ask, document)
        except CallFailed as failed:
            if _comes_back(failed):
                return _failed(failed)
            raise
        return _cancelled(answer) if answer.cancelled else _executed(request, answer)


def _comes_back(failed: CallFailed) -> bool:
    """Return whether a failure is the round's end. A time-out is: the step's own time is up."""
    return isinstance(failed.error, ModelTimedOut) or is_last(failed.error, failed.tries)


def _judge(request: ExecuteInput, answer: ChatAnswer | CallResult) -> Evaluation | None:
    """Judge by rule; None: no rule fails it, and the step wants a model's verdict."""
    said = Answer(text=answer.text, finish_reason=answer.finish_reason, refused=answer.refused)
    evaluation = by_rule(said, request.step.expects)
    return None if evaluation.success and request.step.evaluate == "model" else evaluation


def _end(request: ExecuteInput, answer: ChatAnswer, stored: Text) -> tuple[Event, ...]:
    """Return the step's end if a rule passes the answer: it needs no decision of the workflow."""
    evaluation, step_id = _judge(request, answer), request.step.id
    if evaluation is None or not evaluation.success:
        return ()
    end = StepFinished(
        step_id=step_id, round=request.round, status=StepStatus.SUCCEEDED, result=stored, evaluation=evaluation
    )
    data = {"v": 1, **end.data()}
    return (Event(source=f"end/{step_id}", source_seq=request.round, type=EventType.STEP_FINISHED, data=data),)


def _executed(request: ExecuteInput, answer: CallResult) -> Executed:
    evaluation = _judge(request, answer)
    return Executed(
        text=answer.stored,
        evaluation=evaluation,
        recorded=evaluation is not None and evaluation.success,
        cost_micros=answer.cost_micros,
    )


def _failed(failed: CallFailed) -> Executed:
    error = failed.error
    return Executed(
        evaluation=Evaluation(success=False, reason=str(error), needs_adjustment=isinstance(error, _PLAN_MUST_CHANGE)),
        error=str(error),
        error_code=error.code,
        cost_micros=failed.cost_micros,
    )


def _cancelled(answer: CallResult) -> Executed:
    check_cancelled_on_purpose()
    return Executed(
        evaluation=Evaluation(success=False, reason="cancelled"),
        error="cancelled",
        error_code="cancelled",
        cost_micros=answer.cost_micros,
    )


async def _document(where: Statements, request: ExecuteInput) -> StepDocument:
    step = request.step
    prompt = await blobs.load(where, step.prompt)
    document = StepDocument(
        step_id=step.id,
        prompt=prompt,
        language=request.language,
        inputs=await load_cut(where, request.inputs),
        feedback=request.feedback,
        format=step.expects.format if step.expects else "text",
    )
    return await _with_background(where, request, document) if request.with_message else document


async def _with_background(where: Statements, request: ExecuteInput, document: StepDocument) -> StepDocument:
    """Add the context and the conversation; its last turn is the message, where the prompt says it in other words."""
    known = await background(where, request.facts)
    history = known.history
    if known.message and known.message != document.prompt:
        history = (*history, Turn(role="user", text=known.message))
    return document.model_copy(update={"context": known.context, "history": history})
