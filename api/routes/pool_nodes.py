"""Self-hosted backends of the pool: they register themselves, and say again and again that they live."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.acting import ByOf
from api.bodies import StrictRoute
from api.documents.pool import NodeBody, NodesDocument, PageQuery
from api.parts import PoolOf
from api.problems import errors
from services.llm.admin import Node, NodeView

router = APIRouter(prefix="/v1/pool/nodes", tags=["pool"], route_class=StrictRoute)

NodeIdOf = Annotated[str, Path(alias="id", pattern=r"^[a-z0-9][a-z0-9._-]{0,49}$", examples=["gpu-1"])]


@router.get("", responses=errors(403, 422, 503))
async def list_pool_nodes(pool: PoolOf, query: Annotated[PageQuery, Query()]) -> NodesDocument:
    """List the nodes. One that is `silent` gets no calls until it is heard again."""
    found, after = await pool.list_nodes(query.after, query.limit)
    return NodesDocument(nodes=found, after=after)


@router.put("/{id}", responses=errors(400, 403, 413, 415, 422, 503))
async def register_pool_node(id_: NodeIdOf, body: NodeBody, pool: PoolOf, by: ByOf) -> NodeView:
    """Register a node, or say that it lives: the same call, to be repeated well within `ttl_s`."""
    return await pool.beat(by, id_, Node(**{name: getattr(body, name) for name in Node.model_fields}))


@router.delete("/{id}", status_code=204, responses=errors(403, 404, 422, 503))
async def remove_pool_node(id_: NodeIdOf, pool: PoolOf, by: ByOf) -> None:
    """Take a node out of the pool and out of every route; it comes back when it registers again."""
    await pool.remove_node(by, id_)
