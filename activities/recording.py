"""The Recording port: short database work, fit for local activities."""

from temporalio import activity

from activities.errors import Mapped
from contracts.calls import CheckConditionInput, RecordInput
from contracts.ports import Recording
from domain.conditions import StepFacts, evaluate, parse
from domain.errors import ConditionInvalid, NotFound
from services.storage import blobs, events
from services.storage.database import Database
from services.storage.failpoints import Point, around


class StoredRecording(Recording):
    """Recording in the database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @activity.defn(name="record")
    async def record(self, request: RecordInput) -> None:
        """Append events and update the read models."""
        with Mapped():
            async with around(Point.RECORD):
                await events.append(self._db, request.facts.request_id, request.events)

    @activity.defn(name="check_condition")
    async def check_condition(self, request: CheckConditionInput) -> bool:
        """Load the results and evaluate the condition; a condition that cannot be evaluated is false."""
        with Mapped():
            try:
                return await self._check(request)
            except (ConditionInvalid, NotFound):
                return False

    async def _check(self, request: CheckConditionInput) -> bool:
        node = parse(request.condition)
        texts = await blobs.load_many(self._db, request.results)
        facts = {
            step_id: StepFacts(status, texts.get(step_id) if status.has_result else None)
            for step_id, status in request.statuses.items()
        }
        return evaluate(node, facts)
