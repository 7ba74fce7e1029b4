"""How jobs stand beyond their rows: whether they have been begun, and how far the telling of their ends is."""

from dataclasses import dataclass

from domain.webhook import Delivery, DeliveryState
from services.storage.statements import Statements

_NOTE = """
    INSERT INTO webhook_delivery AS d (call_id, state, attempts, status, error, tried_at)
    VALUES ($1, $2, 1, $3, $4, clock_timestamp())
    ON CONFLICT (call_id) DO UPDATE SET state = excluded.state, attempts = d.attempts + 1, status = excluded.status,
        error = excluded.error, tried_at = excluded.tried_at"""
_STANDING = """
    SELECT EXISTS (SELECT FROM model_call c WHERE c.request_id = $1) AS begun,
        (SELECT to_jsonb(d) - 'call_id' FROM webhook_delivery d WHERE d.call_id = $1) AS delivery"""


@dataclass(frozen=True)
class Standing:
    """How a job stands. `begun`: a provider has been asked; before, the job waits for its turn or for capacity."""

    begun: bool
    delivery: Delivery


async def standing(where: Statements, call_id: str) -> Standing:
    """Return how a call stands; whoever asks has made sure that the call may be seen."""
    (row,) = await where.fetch(_STANDING, call_id)
    delivery = row["delivery"]
    return Standing(row["begun"], Delivery() if delivery is None else Delivery.model_validate(delivery))


async def note_delivery(
    where: Statements, call_id: str, state: DeliveryState, *, status: int | None = None, error: str | None = None
) -> None:
    """Put a try to tell a call's end on record, and what came of it."""
    await where.fetch(_NOTE, call_id, state.value, status, error)
