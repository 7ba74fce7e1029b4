"""The pool's deployments: models on accounts."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.acting import ByOf
from api.bodies import StrictRoute
from api.documents.pool import DeploymentBody, DeploymentsDocument, DeploymentsQuery, SwitchBody
from api.parts import PoolOf
from api.pool_ids import PoolIdOf, same_id
from api.problems import errors
from api.revisions import ChangeOf, tag
from services.llm.admin import DeploymentView

router = APIRouter(prefix="/v1/pool/deployments", tags=["pool"], route_class=StrictRoute)


@router.get("", responses=errors(403, 422, 503))
async def list_pool_deployments(pool: PoolOf, query: Annotated[DeploymentsQuery, Query()]) -> DeploymentsDocument:
    """List the deployments, of one account or all."""
    start = None if query.after is None else (query.after,)
    found, after = await pool.deployments.page(start, query.limit, query.account_id)
    return DeploymentsDocument(deployments=found, after=None if after is None else after[0])


@router.post("", status_code=201, responses=errors(400, 403, 409, 413, 415, 422, 503))
async def add_pool_deployment(body: DeploymentBody, pool: PoolOf, by: ByOf, response: Response) -> DeploymentView:
    """Add a deployment."""
    view = await pool.deployments.create(by, body.value())
    response.headers["Location"] = f"/v1/pool/deployments/{view.id}"
    tag(response, view.revision)
    return view


@router.get("/{id}", responses=errors(403, 404, 503))
async def read_pool_deployment(id_: PoolIdOf, pool: PoolOf, response: Response) -> DeploymentView:
    """Read a deployment."""
    view = await pool.deployments.read((id_,))
    tag(response, view.revision)
    return view


@router.put("/{id}", responses=errors(400, 403, 404, 409, 412, 413, 415, 422, 503))
async def replace_pool_deployment(
    id_: PoolIdOf, body: DeploymentBody, pool: PoolOf, change: ChangeOf, response: Response
) -> DeploymentView:
    """Replace a deployment."""
    same_id(id_, body.id)
    with change.expecting(body.expected_revision) as revision:
        view = await pool.deployments.replace(change.by, body.value(), revision)
    tag(response, view.revision)
    return view


@router.patch("/{id}", responses=errors(400, 403, 404, 409, 412, 413, 415, 422, 503))
async def switch_pool_deployment(
    id_: PoolIdOf, body: SwitchBody, pool: PoolOf, change: ChangeOf, response: Response
) -> DeploymentView:
    """Take a deployment out of use, or into it again."""
    with change.expecting(body.expected_revision) as revision:
        view = await pool.deployments.switch(change.by, (id_,), disabled=body.disabled, expected=revision)
    tag(response, view.revision)
    return view


@router.delete("/{id}", status_code=204, responses=errors(400, 403, 404, 409, 412, 503))
async def remove_pool_deployment(id_: PoolIdOf, pool: PoolOf, change: ChangeOf) -> None:
    """Remove a deployment. One that routes lead to is a 409 that names them."""
    with change.expecting() as revision:
        await pool.deployments.delete(change.by, id_, revision)
