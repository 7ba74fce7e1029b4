"""Requests that wait for the approval of a tool call: whom a change of the rules may set free."""

from typing import NamedTuple

from services.storage.statements import Statements

PAGE = 50

_OPEN = """
    SELECT id FROM request
    WHERE id > $1 AND finished_at IS NULL AND open_items->'approvals' <> '{}'
        AND jsonb_path_exists(open_items, '$.approvals.* ? (@.kind == "tool")')
    ORDER BY id LIMIT $2"""


class GatePage(NamedTuple):
    """Ids of requests; `after` starts the next page, None: this was the last."""

    request_ids: tuple[str, ...]
    after: str | None


async def page(where: Statements, after: str | None = None, limit: int = PAGE) -> GatePage:
    """Return a page of the requests that have an open approval of kind tool, by id."""
    ids = tuple(row["id"] for row in await where.fetch(_OPEN, after or "", limit))
    return GatePage(ids, ids[-1] if len(ids) == limit else None)
