"""Roles: the built-in ones, and a tenant's own."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.bodies import StrictRoute
from api.caller import CallerOf
from api.documents.identity import NewRoleBody, RoleBody, RolesDocument, TenantQuery
from api.identity_parts import DeskOf, RoleNameOf
from api.parts import PartsOf
from api.problems import errors
from api.revisions import ChangeOf, tag
from domain.permissions import Permission
from services.identity import roles
from services.identity.guards import tenant_for
from services.identity.roles import RoleView

router = APIRouter(prefix="/v1/roles", tags=["identity"], route_class=StrictRoute)

_Of = Annotated[TenantQuery, Query()]


@router.get("", responses=errors(401, 403, 422, 503))
async def list_roles(parts: PartsOf, caller: CallerOf, query: _Of) -> RolesDocument:
    """List the built-in roles and your tenant's own; another's with `tenants.read`."""
    tenant = tenant_for(caller, query.tenant, Permission.TENANTS_READ)
    return RolesDocument(roles=await roles.listed(parts.database, tenant))


@router.post("", status_code=201, responses=errors(400, 401, 403, 409, 413, 415, 422, 503))
async def add_role(body: NewRoleBody, desk: DeskOf, query: _Of, response: Response) -> RoleView:
    """Make a role of permissions that you have yourself."""
    tenant = tenant_for(desk.caller, query.tenant, Permission.TENANTS_WRITE)
    async with desk.edit() as edit:
        made = await roles.create(edit, tenant, body)
    response.headers["Location"] = f"/v1/roles/{made.name}"
    tag(response, made.revision or 0)
    return made


@router.get("/{name}", responses=errors(401, 403, 404, 422, 503))
async def read_role(name: RoleNameOf, parts: PartsOf, caller: CallerOf, query: _Of, response: Response) -> RoleView:
    """Read a role."""
    tenant = tenant_for(caller, query.tenant, Permission.TENANTS_READ)
    found = await roles.view(parts.database, tenant, name)
    tag(response, found.revision or 0)
    return found


@router.put("/{name}", responses=errors(400, 401, 403, 404, 409, 412, 413, 415, 422, 503))
async def replace_role(name: RoleNameOf, body: RoleBody, desk: DeskOf, query: _Of, change: ChangeOf) -> RoleView:
    """Have a role give something else: to all who have it, within 5 s. Built-in ones cannot be changed."""
    tenant = tenant_for(desk.caller, query.tenant, Permission.TENANTS_WRITE)
    with change.expecting(body.expected_revision) as revision:
        async with desk.edit() as edit:
            return await roles.replace(edit, tenant, name, body, revision)


@router.delete("/{name}", status_code=204, responses=errors(400, 401, 403, 404, 409, 412, 422, 503))
async def remove_role(name: RoleNameOf, desk: DeskOf, query: _Of, change: ChangeOf) -> None:
    """Remove a role that nobody has, with its grants. One that users have is a 409 that names them."""
    tenant = tenant_for(desk.caller, query.tenant, Permission.TENANTS_WRITE)
    with change.expecting() as revision:
        async with desk.edit() as edit:
            await roles.delete(edit, tenant, name, revision)
