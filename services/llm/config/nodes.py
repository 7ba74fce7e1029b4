"""Self-hosted backends that register themselves, and then say again and again that they live.

A node that is silent for longer than its `ttl_s` gets no calls until it is heard again: leases look at `seen_at`.
"""

import logging
from datetime import datetime

from domain.errors import InvalidInput, NotFound
from services.llm.config import node_objects
from services.llm.config.edit import Action, Edit, Kind
from services.llm.config.node_objects import Node
from services.storage import json_text
from services.storage.driver import Row
from services.storage.statements import Statements

NODES_LIMIT = 1000

_BEAT = """
    UPDATE pool_node n SET seen_at = clock_timestamp()
    FROM (SELECT id, seen_at FROM pool_node WHERE id = $1) AS before
    WHERE n.id = before.id AND n.data = $2::jsonb
    RETURNING n.id, n.account_id, n.data, n.registered_at, n.seen_at, false AS silent,
        extract(epoch FROM n.seen_at - before.seen_at)::float8 AS silent_s"""
_REGISTER = """
    INSERT INTO pool_node AS n (id, account_id, ttl_s, data) VALUES ($1, $2, $3, $4)
    ON CONFLICT (id) DO UPDATE SET account_id = $2, ttl_s = $3, data = $4, seen_at = clock_timestamp()"""
_LIST = """
    SELECT id, account_id, data, registered_at, seen_at,
        seen_at < clock_timestamp() - make_interval(secs => ttl_s) AS silent
    FROM pool_node WHERE id > $1 AND $2 IN ('', id) ORDER BY id LIMIT $3"""
_COUNT = "SELECT count(*) AS n FROM pool_node WHERE id <> $1"
_DELETE = "DELETE FROM pool_node WHERE id = $1 RETURNING account_id"

_log = logging.getLogger(__name__)


class NodeView(Node):
    """A node as people see it. `account_id`: its account in the pool; `silent`: it gets no calls now."""

    id: str
    account_id: str
    registered_at: datetime
    seen_at: datetime
    silent: bool


async def beat(where: Statements, node_id: str, node: Node) -> NodeView | None:
    """Note that a node lives; None: it is not known, or says something else of itself than before."""
    rows = await where.fetch(_BEAT, node_id, _data(node))
    if not rows:
        return None
    if rows[0]["silent_s"] > node.ttl_s:
        _log.info("node %s is back after %.0f s", node_id, rows[0]["silent_s"])
    return _view(rows[0])


async def register(edit: Edit, node_id: str, node: Node) -> None:
    """Add a node to the pool, or change it to what it says now.

    Raises:
        InvalidInput: Its address is refused, there are too many nodes, or a route is full.
    """
    (row,) = await edit.tx.fetch(_COUNT, node_id)
    if row["n"] >= NODES_LIMIT:
        raise InvalidInput(f"an installation has at most {NODES_LIMIT} nodes")
    account_id = await node_objects.put(edit, node_id, node)
    await edit.tx.fetch(_REGISTER, node_id, account_id, node.ttl_s, _data(node))
    edit.note(Action.REPLACE, Kind.NODE, node_id, node.model_dump(mode="json"))


async def remove(edit: Edit, node_id: str) -> None:
    """Take a node out of the pool and out of every route. Raises NotFound."""
    rows = await edit.tx.fetch(_DELETE, node_id)
    if not rows:
        raise NotFound("there is no such node")
    await node_objects.clear(edit, rows[0]["account_id"])
    edit.note(Action.DELETE, Kind.NODE, node_id, {})


async def page(where: Statements, after: str | None, limit: int) -> tuple[list[NodeView], str | None]:
    """Return nodes by id, and the id after which the next page begins; None: this was the last."""
    rows = await where.fetch(_LIST, after or "", "", limit + 1)
    views = [_view(row) for row in rows[:limit]]
    return views, views[-1].id if len(rows) > limit else None


async def view(where: Statements, node_id: str) -> NodeView:
    """Return a node. Raises NotFound."""
    rows = await where.fetch(_LIST, "", node_id, 1)
    if not rows:
        raise NotFound("there is no such node")
    return _view(rows[0])


def _data(node: Node) -> str:
    return json_text.encode(node.model_dump(mode="json"))


def _view(row: Row) -> NodeView:
    facts = {name: row[name] for name in ("id", "account_id", "registered_at", "seen_at", "silent")}
    return NodeView.model_validate({**row["data"], **facts})
