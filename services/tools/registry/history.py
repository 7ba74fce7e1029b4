"""What has changed at a server from refresh to refresh, with the differences; newest first."""

from datetime import datetime

from domain.tools import Capability, CapabilityKind, Change, difference
from domain.value import Value
from services.storage.driver import Row
from services.storage.statements import Statements
from services.tools.registry.drift import Movement

_PAGE = """
    SELECT c.number, c.kind, c.name, c.change, c.before_hash, c.after_hash, c.at,
        b.capability AS before, a.capability AS after
    FROM tool_change c LEFT JOIN tool_contract b ON b.hash = c.before_hash
        LEFT JOIN tool_contract a ON a.hash = c.after_hash
    WHERE c.server = $1 AND ($2::bigint IS NULL OR c.number < $2)
    ORDER BY c.number DESC LIMIT $3"""


class ChangeView(Value):
    """One change of a capability. `changes`: the fields that are different, for one that is known before and after."""

    number: int
    kind: CapabilityKind
    name: str
    change: Movement
    before_hash: str | None
    after_hash: str | None
    changes: tuple[Change, ...]
    at: datetime


async def page(
    where: Statements, server_id: str, before: int | None = None, limit: int = 50
) -> tuple[list[ChangeView], int | None]:
    """Return changes, newest first, and the number before which the next page begins; None: this was the last."""
    rows = await where.fetch(_PAGE, server_id, before, limit + 1)
    views = [_view(row) for row in rows[:limit]]
    return views, views[-1].number if len(rows) > limit else None


def _view(row: Row) -> ChangeView:
    plain = {name: row[name] for name in ("number", "kind", "name", "change", "before_hash", "after_hash", "at")}
    return ChangeView(changes=_changes(row), **plain)


def _changes(row: Row) -> tuple[Change, ...]:
    if row["before"] is None or row["after"] is None or row["before_hash"] == row["after_hash"]:
        return ()
    return difference(Capability.model_validate(row["before"]), Capability.model_validate(row["after"]))
