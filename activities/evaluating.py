"""The Evaluating port: a model's verdict on a step's result."""

from temporalio import activity

from activities import reading
from activities.attempt import TimeLeft, check_cancelled_on_purpose, is_last
from activities.errors import Mapped
from activities.heartbeat import Beating
from activities.material import load_cut
from activities.models import Ask, Models
from contracts.calls import Evaluated, EvaluateInput
from contracts.ports import Evaluating
from domain.documents import EvaluateDocument
from domain.evaluation import undecided
from services.llm.assignment import CallFailed, CallResult
from services.llm.prompts import Task
from services.storage.statements import Statements

_LIMIT = 32 * 1024
"""Bytes of the prompt and of the result that the evaluator gets to see, each."""


class ModelEvaluating(Evaluating):
    """Verdicts by a model."""

    def __init__(self, models: Models) -> None:
        self._models = models

    @activity.defn(name="evaluate_step")
    async def evaluate_step(self, request: EvaluateInput) -> Evaluated:
        """Ask a model for a verdict; without one the result, which passed every rule, is accepted."""
        time_left = TimeLeft()
        with Mapped():
            async with Beating():
                return await self._evaluate(request, time_left)

    async def _evaluate(self, request: EvaluateInput, time_left: TimeLeft) -> Evaluated:
        step = request.step
        ask = Ask(Task.EVALUATE, f"{step.id}@evaluate", time_left.seconds(), model=step.model)

        async def document(where: Statements) -> EvaluateDocument:
            texts = await load_cut(where, {"prompt": step.prompt, "result": request.result}, _LIMIT)
            return EvaluateDocument(step_id=step.id, prompt=texts["prompt"], result=texts["result"])

        try:
            answer = await self._models.ask(request, ask, document)
        except CallFailed as failed:
            if not is_last(failed.error, failed.tries):
                raise
            return Evaluated(evaluation=undecided(str(failed.error)), cost_micros=failed.cost_micros)
        return _evaluated(answer)


def _evaluated(answer: CallResult) -> Evaluated:
    if answer.cancelled:
        check_cancelled_on_purpose()
        return Evaluated(evaluation=undecided("cancelled"), cost_micros=answer.cost_micros)
    return Evaluated(evaluation=reading.verdict(answer), cost_micros=answer.cost_micros)
