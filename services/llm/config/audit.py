"""The audit of the pool's configuration: who changed what to what, newest first."""

from datetime import datetime
from typing import Any

from domain.value import Value
from services.llm.config.edit import Action, Kind
from services.storage.statements import Statements

_PAGE = """
    SELECT id, at, actor, action, kind, object_id, data FROM pool_change
    WHERE ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR object_id = $2) AND ($3::bigint IS NULL OR id < $3)
    ORDER BY id DESC LIMIT $4"""


class PoolChangeView(Value):
    """One change. `data`: what the object was changed to; of a credential only whether it was set or removed."""

    id: int
    at: datetime
    actor: str
    action: Action
    kind: Kind
    object_id: str
    data: dict[str, Any]


class ChangeFilter(Value):
    """What a list of changes is narrowed to. A route is named `name` or `name@version`."""

    kind: Kind | None = None
    object_id: str | None = None


async def page(
    where: Statements, narrowed: ChangeFilter, before: int | None, limit: int
) -> tuple[list[PoolChangeView], int | None]:
    """Return changes, newest first, and the number before which the next page begins; None: this was the last."""
    rows = await where.fetch(_PAGE, narrowed.kind, narrowed.object_id, before, limit + 1)
    views = [PoolChangeView.model_validate(dict(row)) for row in rows[:limit]]
    return views, views[-1].id if len(rows) > limit else None
