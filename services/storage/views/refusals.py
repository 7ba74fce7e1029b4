"""Messages that were refused, read from the log: they change nothing, so no read model keeps them."""

from typing import Any

from domain.run_state import REFUSALS_SHOWN, Refusal
from services.storage.database import Tx

# The source is in the index: text events, the bulk of a log, are not read.
_NEWEST = """
    SELECT data FROM request_event
    WHERE request_id = $1 AND source = 'wf' AND type = 'message.refused' ORDER BY seq DESC LIMIT $2"""


async def newest_refusals(tx: Tx, request_id: str) -> list[Refusal]:
    """Return the last refused messages of a request, oldest first. The caller has checked the owner."""
    rows = await tx.driver.fetch(_NEWEST, request_id, REFUSALS_SHOWN)
    return [_refusal(row["data"]) for row in reversed(rows)]


def _refusal(data: dict[str, Any]) -> Refusal:
    fields = {name: data.get(name) for name in ("message", "message_id", "problems")}
    return Refusal.model_validate({**fields, "problems": fields["problems"] or ()})
