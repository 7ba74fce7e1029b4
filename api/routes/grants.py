"""Grants: which models, tools, knowledge bases and wallets roles and users may use."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.bodies import StrictRoute
from api.caller import CallerOf
from api.documents.identity import GrantBody, GrantsDocument, GrantsQuery, TenantQuery
from api.identity_parts import DeskOf, GrantIdOf
from api.parts import PartsOf
from api.problems import errors
from domain.permissions import Permission
from services.identity import grants
from services.identity.grants import GrantFilter, GrantView
from services.identity.guards import tenant_for

router = APIRouter(prefix="/v1/grants", tags=["identity"], route_class=StrictRoute)


@router.get("", responses=errors(401, 403, 422, 503))
async def list_grants(parts: PartsOf, caller: CallerOf, query: Annotated[GrantsQuery, Query()]) -> GrantsDocument:
    """List the grants of your tenant; of another with `tenants.read`. What a key narrows stands in the key."""
    tenant = tenant_for(caller, query.tenant, Permission.TENANTS_READ)
    narrowed = GrantFilter(subject_kind=query.subject_kind, subject=query.subject, kind=query.kind)
    found, after = await grants.page(parts.database, tenant, narrowed, query.after, query.limit)
    return GrantsDocument(grants=found, after=after)


@router.post("", status_code=201, responses=errors(400, 401, 403, 409, 413, 415, 422, 503))
async def add_grant(body: GrantBody, desk: DeskOf, query: Annotated[TenantQuery, Query()]) -> GrantView:
    """Grant something that you may use yourself to a role or a user."""
    tenant = tenant_for(desk.caller, query.tenant, Permission.TENANTS_WRITE)
    async with desk.edit() as edit:
        return await grants.create(edit, tenant, body)


@router.delete("/{id}", status_code=204, responses=errors(401, 403, 404, 503))
async def remove_grant(id_: GrantIdOf, desk: DeskOf) -> None:
    """Take a grant back. Calls are refused within 5 s, work under way at its next step."""
    async with desk.edit() as edit:
        await grants.delete(edit, id_)
