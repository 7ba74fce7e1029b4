"""Tenants. They are taken out of use, never deleted: what was done in them names them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.bodies import StrictRoute
from api.documents.identity import NewTenantBody, TenantBody, TenantsDocument
from api.documents.pool import PageQuery, SwitchBody
from api.identity_parts import DeskOf, TenantIdOf
from api.parts import PartsOf
from api.problems import errors
from api.revisions import ChangeOf, tag
from services.identity import tenants
from services.identity.tenants import TenantView

router = APIRouter(prefix="/v1/tenants", tags=["identity"], route_class=StrictRoute)


@router.get("", responses=errors(401, 403, 422, 503))
async def list_tenants(parts: PartsOf, query: Annotated[PageQuery, Query()]) -> TenantsDocument:
    """List the tenants of the installation."""
    found, after = await tenants.page(parts.database, query.after, query.limit)
    return TenantsDocument(tenants=found, after=after)


@router.post("", status_code=201, responses=errors(400, 401, 403, 409, 413, 415, 422, 503))
async def add_tenant(body: NewTenantBody, desk: DeskOf, response: Response) -> TenantView:
    """Make a tenant. Make its first user with `POST /v1/users?tenant=…`, and the wallet that has its id."""
    async with desk.edit() as edit:
        made = await tenants.create(edit, body)
    response.headers["Location"] = f"/v1/tenants/{made.id}"
    tag(response, made.revision)
    return made


@router.get("/{id}", responses=errors(401, 403, 404, 503))
async def read_tenant(id_: TenantIdOf, parts: PartsOf, response: Response) -> TenantView:
    """Read a tenant."""
    found = await tenants.view(parts.database, id_)
    tag(response, found.revision)
    return found


@router.put("/{id}", responses=errors(400, 401, 403, 404, 409, 412, 413, 415, 422, 503))
async def replace_tenant(
    id_: TenantIdOf, body: TenantBody, desk: DeskOf, change: ChangeOf, response: Response
) -> TenantView:
    """Call a tenant something else, or charge another wallet."""
    with change.expecting(body.expected_revision) as revision:
        async with desk.edit() as edit:
            found = await tenants.replace(edit, id_, body, revision)
    tag(response, found.revision)
    return found


@router.patch("/{id}", responses=errors(400, 401, 403, 404, 409, 412, 413, 415, 422, 503))
async def switch_tenant(
    id_: TenantIdOf, body: SwitchBody, desk: DeskOf, change: ChangeOf, response: Response
) -> TenantView:
    """Take a tenant out of use, or into it again: its users are refused within 5 s. Never the one that operates."""
    with change.expecting(body.expected_revision) as revision:
        async with desk.edit() as edit:
            found = await tenants.switch(edit, id_, disabled=body.disabled, expected=revision)
    tag(response, found.revision)
    return found
