"""Model calls and what they cost."""

from collections import Counter
from datetime import datetime
from enum import StrEnum

from sqlalchemy import RowMapping, select

from domain.budget import Usage
from domain.ids import call_id
from domain.value import Value
from services.storage.database import Tx
from services.storage.tables import ModelCall, table
from services.storage.views.requests import check_owner

_CALL = table(ModelCall)


class CallState(StrEnum):
    """Where a call stands. `LOST`: its process died, usage and cost are estimated."""

    OPEN = "open"
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"


class CallView(Value):
    """One model call. `slot` as in `contracts.calls`."""

    id: str
    slot: str
    round: int
    n: int
    state: CallState
    model: str
    usage: Usage
    cost_micros: int
    error_code: str | None
    started_at: datetime
    finished_at: datetime | None


class Costs(Value):
    """What a request's own calls cost, in micro-units: in all, by slot and by model."""

    total_micros: int
    by_slot: dict[str, int]
    by_model: dict[str, int]
    calls: int


async def calls(tx: Tx, owner: str, request_id: str) -> list[CallView]:
    """Return the calls of a request, oldest first.

    Raises:
        NotFound: No such request, or another owner's.
    """
    await check_owner(tx, owner, request_id)
    query = select(_CALL).where(_CALL.c.request_id == request_id).order_by(_CALL.c.started_at, _CALL.c.slot, _CALL.c.n)
    return [_view(row) for row in (await tx.connection.execute(query)).mappings()]


async def costs(tx: Tx, owner: str, request_id: str) -> Costs:
    """Return what the calls cost.

    Raises:
        NotFound: No such request, or another owner's.
    """
    made = await calls(tx, owner, request_id)
    by_slot: Counter[str] = Counter()
    by_model: Counter[str] = Counter()
    for call in made:
        by_slot[call.slot] += call.cost_micros
        by_model[call.model] += call.cost_micros
    return Costs(total_micros=by_slot.total(), by_slot=dict(by_slot), by_model=dict(by_model), calls=len(made))


def _view(row: RowMapping) -> CallView:
    return CallView(
        id=call_id(row["request_id"], row["slot"], row["round"], row["n"]),
        slot=row["slot"],
        round=row["round"],
        n=row["n"],
        state=CallState(row["state"]),
        model=row["model"],
        usage=Usage.model_validate(row["usage"] or {}),
        cost_micros=row["cost_micros"],
        error_code=row["error_code"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )
