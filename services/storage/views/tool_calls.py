"""The journal of tool calls, for people: what was sent, and what became of it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import RowMapping, select

from domain.content import Text
from domain.ids import call_id
from domain.tools import Action, ActionType, Effect
from domain.value import Value
from services.storage.database import Tx
from services.storage.tables import table
from services.storage.tool_tables import ToolCall
from services.storage.views.requests import check_owner

LIMIT = 1000
"""Calls of one request that are shown, the oldest first."""

_CALL = table(ToolCall)


class ToolCallState(StrEnum):
    """Where a call stands. `UNCERTAIN`: a write that may have happened; `LEFT`: it was, and a person decided."""

    OPEN = "open"
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"
    UNCERTAIN = "uncertain"
    LEFT = "left"


class ToolCallView(Value):
    """One call of a tool. `found`: its answer comes from a look-up, after its own was lost."""

    id: str
    step_id: str
    round: int
    n: int
    action: Action
    effect: Effect
    arguments: Text
    state: ToolCallState
    answer: Text | None
    marks: tuple[str, ...]
    found: bool
    error_code: str | None
    error: str | None
    started_at: datetime
    finished_at: datetime | None


async def tool_calls(tx: Tx, owner: str, request_id: str) -> list[ToolCallView]:
    """Return the tool calls of a request, oldest first.

    Raises:
        NotFound: No such request, or another owner's.
    """
    await check_owner(tx, owner, request_id)
    query = select(_CALL).where(_CALL.c.request_id == request_id).order_by(_CALL.c.started_at, _CALL.c.n).limit(LIMIT)
    return [_view(row) for row in (await tx.connection.execute(query)).mappings()]


def _view(row: RowMapping) -> ToolCallView:
    same = {name: row[name] for name in ("round", "n", "found", "error_code", "error", "started_at", "finished_at")}
    return ToolCallView(
        id=call_id(row["request_id"], row["slot"], row["round"], row["n"]),
        step_id=row["slot"],
        action=Action(server=row["server"], type=ActionType(row["action_type"]), name=row["name"]),
        effect=Effect(row["effect"]),
        arguments=Text.model_validate(row["arguments"]),
        state=ToolCallState(row["state"]),
        answer=None if row["answer"] is None else Text.model_validate(row["answer"]),
        marks=tuple(row["marks"] or ()),
        **same,
    )
