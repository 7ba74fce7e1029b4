"""What a call of a model has cost, as the event of its request's log that tells it."""

from dataclasses import dataclass

from domain.budget import Usage
from domain.events import Event, EventType
from services.storage.journal import Call


@dataclass(frozen=True)
class Spent:
    """What a call has cost. `simulated`: by no real model."""

    model: str
    usage: Usage
    micros: int
    simulated: bool = False


def cost_event(call: Call, step_id: str | None, spent: Spent) -> Event:
    """Return the event that tells what a call cost; the same call's is stored once. `step_id`: which step's it is."""
    return Event(
        source=f"cost/{call.id}",
        source_seq=1,
        type=EventType.COST,
        data={
            "v": 1,
            "step_id": step_id,
            "call_id": call.id,
            "micros": spent.micros,
            "usage": spent.usage.model_dump(mode="json"),
            "model": spent.model,
            "simulated": spent.simulated,
        },
    )
