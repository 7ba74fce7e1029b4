"""The Answering port: the final answer from the steps' ends."""

from temporalio import activity

from activities.attempt import TimeLeft, check_cancelled_on_purpose, is_last
from activities.errors import Mapped
from activities.heartbeat import Beating
from activities.material import INPUT_LIMIT, load_cut
from activities.models import SYNTHESIZE, Ask, Models
from contracts.calls import StepEnd, Synthesized, SynthesizeInput
from contracts.ports import Answering
from domain.answers import Part, join
from domain.content import RESULT_LIMIT
from domain.documents import StepResultDocument, SynthesizeDocument
from domain.step import StepStatus
from services.llm.assignment import CallFailed
from services.llm.prompts import Task
from services.storage import blobs
from services.storage.database import Database
from services.storage.statements import Statements

TOGETHER_LIMIT = 256 * 1024
"""Bytes of all results together that the model gets to see."""
_PROMPT_LIMIT = 2 * 1024


class ModelAnswering(Answering):
    """Answers written by a model, by rule when it gives none."""

    def __init__(self, db: Database, models: Models) -> None:
        self._db = db
        self._models = models

    @activity.defn(name="synthesize")
    async def synthesize(self, request: SynthesizeInput) -> Synthesized:
        """Merge the steps' ends into one answer in the user's language; by rule when the model gives none."""
        time_left = TimeLeft()
        with Mapped():
            async with Beating():
                return await self._synthesize(request, time_left)

    async def _synthesize(self, request: SynthesizeInput, time_left: TimeLeft) -> Synthesized:
        async def document(where: Statements) -> SynthesizeDocument:
            return await _document(where, request)

        ask = Ask(Task.SYNTHESIZE, SYNTHESIZE, time_left.seconds(), streams=True)
        try:
            answer = await self._models.ask(request, ask, document)
        except CallFailed as failed:
            if not is_last(failed.error, failed.tries):
                raise
            return await self._joined(request, failed.cost_micros)
        if answer.cancelled:
            check_cancelled_on_purpose()
        if answer.cancelled or answer.refused or not answer.text.strip():
            return await self._joined(request, answer.cost_micros)
        return Synthesized(answer=answer.stored, by="model", cost_micros=answer.cost_micros)

    async def _joined(self, request: SynthesizeInput, cost_micros: int) -> Synthesized:
        """Write the answer by rule, within the bound of one answer."""
        share = RESULT_LIMIT // (2 * max(len(request.ends), 1))
        prompts, texts = await _loaded(self._db, request.ends, share)
        parts = [Part(prompts[end.id], end.status, texts.get(end.id), end.note) for end in request.ends]
        answer = await blobs.put(self._db, join(parts))
        return Synthesized(answer=answer, by="rule", cost_micros=cost_micros)


async def _document(where: Statements, request: SynthesizeInput) -> SynthesizeDocument:
    share = min(INPUT_LIMIT, TOGETHER_LIMIT // max(len(request.ends), 1))
    prompts, texts = await _loaded(where, request.ends, share)
    return SynthesizeDocument(
        message=await blobs.load(where, request.facts.message),
        language=request.language,
        results=tuple(_result(end, prompts[end.id], texts.get(end.id)) for end in request.ends),
    )


def _result(end: StepEnd, prompt: str, text: str | None) -> StepResultDocument:
    status = end.status if end.status.is_end else StepStatus.CANCELLED
    return StepResultDocument.model_validate(
        {"id": end.id, "prompt": prompt, "status": status.value, "text": text, "note": end.note}
    )


async def _loaded(where: Statements, ends: tuple[StepEnd, ...], limit: int) -> tuple[dict[str, str], dict[str, str]]:
    """Load the steps' prompts and their results, each cut to `limit` bytes."""
    prompts = await load_cut(where, {end.id: end.prompt for end in ends}, min(_PROMPT_LIMIT, limit))
    results = {end.id: end.text for end in ends if end.text is not None}
    return prompts, await load_cut(where, results, limit)
