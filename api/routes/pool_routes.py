"""The pool's routes: the names that callers use, and where they lead. A version is given as `?version=`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api.acting import ByOf
from api.bodies import StrictRoute, is_storable
from api.documents.pool import PageQuery, RouteBody, RoutesDocument, SwitchBody
from api.parts import PoolOf
from api.pool_ids import same_id
from api.problems import errors, not_found
from api.revisions import ChangeOf, tag
from services.llm.admin import RouteView

router = APIRouter(prefix="/v1/pool/routes", tags=["pool"], route_class=StrictRoute)


async def _key(
    name: Annotated[str, Path(examples=["gpt-4o"])],
    version: Annotated[str, Query(max_length=80, description="Empty: the route without a version.")] = "",
) -> tuple[str, str]:
    if not is_storable(name) or not is_storable(version):
        raise not_found("route")
    return name, version


KeyOf = Annotated[tuple[str, str], Depends(_key)]


@router.get("", responses=errors(403, 422, 503))
async def list_pool_routes(pool: PoolOf, query: Annotated[PageQuery, Query()]) -> RoutesDocument:
    """List the routes."""
    name, _, version = (query.after or "").rpartition("@")
    found, after = await pool.routes.page((name, version) if query.after else None, query.limit)
    return RoutesDocument(routes=found, after=None if after is None else "@".join(after))


@router.post("", status_code=201, responses=errors(400, 403, 409, 413, 415, 422, 503))
async def add_pool_route(body: RouteBody, pool: PoolOf, by: ByOf, response: Response) -> RouteView:
    """Add a route."""
    view = await pool.routes.create(by, body.value())
    tag(response, view.revision)
    return view


@router.get("/{name:path}", responses=errors(403, 404, 422, 503))
async def read_pool_route(key: KeyOf, pool: PoolOf, response: Response) -> RouteView:
    """Read a route."""
    view = await pool.routes.read(key)
    tag(response, view.revision)
    return view


@router.put("/{name:path}", responses=errors(400, 403, 404, 409, 412, 413, 415, 422, 503))
async def replace_pool_route(
    key: KeyOf, body: RouteBody, pool: PoolOf, change: ChangeOf, response: Response
) -> RouteView:
    """Replace a route."""
    same_id(key[0], body.name, "/name")
    same_id(key[1], body.version, "/version")
    with change.expecting(body.expected_revision) as revision:
        view = await pool.routes.replace(change.by, body.value(), revision)
    tag(response, view.revision)
    return view


@router.patch("/{name:path}", responses=errors(400, 403, 404, 409, 412, 413, 415, 422, 503))
async def switch_pool_route(
    key: KeyOf, body: SwitchBody, pool: PoolOf, change: ChangeOf, response: Response
) -> RouteView:
    """Take a route out of use, or into it again."""
    with change.expecting(body.expected_revision) as revision:
        view = await pool.routes.switch(change.by, key, disabled=body.disabled, expected=revision)
    tag(response, view.revision)
    return view


@router.delete("/{name:path}", status_code=204, responses=errors(400, 403, 404, 409, 412, 422, 503))
async def remove_pool_route(key: KeyOf, pool: PoolOf, change: ChangeOf) -> None:
    """Remove a route. One that others fall back to is a 409 that names them."""
    with change.expecting() as revision:
        await pool.routes.delete(change.by, key, revision)
