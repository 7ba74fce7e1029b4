"""Users of a tenant. They are taken out of use, never deleted: what is theirs names them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.bodies import StrictRoute
from api.caller import CallerOf
from api.documents.identity import NewUserBody, RolesBody, TenantQuery, UserBody, UsersDocument, UsersQuery
from api.documents.pool import SwitchBody
from api.identity_parts import DeskOf, UserIdOf
from api.parts import PartsOf
from api.problems import errors
from api.revisions import ChangeOf, tag
from domain.permissions import Permission
from services.identity import users
from services.identity.guards import must_see, tenant_for
from services.identity.users import UserView

router = APIRouter(prefix="/v1/users", tags=["identity"], route_class=StrictRoute)


@router.get("", responses=errors(401, 403, 422, 503))
async def list_users(parts: PartsOf, caller: CallerOf, query: Annotated[UsersQuery, Query()]) -> UsersDocument:
    """List the users of your tenant; of another with `tenants.read`."""
    tenant = tenant_for(caller, query.tenant, Permission.TENANTS_READ)
    found, after = await users.page(parts.database, tenant, query.after, query.limit)
    return UsersDocument(users=found, after=after)


@router.post("", status_code=201, responses=errors(400, 401, 403, 409, 413, 415, 422, 503))
async def add_user(
    body: NewUserBody, desk: DeskOf, query: Annotated[TenantQuery, Query()], response: Response
) -> UserView:
    """Make a user, who is a `member` at first. Names that look like one that is taken are refused."""
    tenant = tenant_for(desk.caller, query.tenant, Permission.TENANTS_WRITE)
    async with desk.edit() as edit:
        made = await users.create(edit, tenant, body.value())
    response.headers["Location"] = f"/v1/users/{made.id}"
    tag(response, made.revision)
    return made


@router.get("/{id}", responses=errors(401, 403, 404, 503))
async def read_user(id_: UserIdOf, parts: PartsOf, caller: CallerOf, response: Response) -> UserView:
    """Read a user."""
    found = await users.view(parts.database, id_)
    must_see(caller, found.tenant, Permission.TENANTS_READ, "user")
    tag(response, found.revision)
    return found


@router.put("/{id}", responses=errors(400, 401, 403, 404, 409, 412, 413, 415, 422, 503))
async def replace_user(id_: UserIdOf, body: UserBody, desk: DeskOf, change: ChangeOf, response: Response) -> UserView:
    """Say something else of a user. Kind, tenant and roles stay."""
    with change.expecting(body.expected_revision) as revision:
        async with desk.edit() as edit:
            found = await users.replace(edit, id_, body, revision)
    tag(response, found.revision)
    return found


@router.patch("/{id}", responses=errors(400, 401, 403, 404, 409, 412, 413, 415, 422, 503))
async def switch_user(id_: UserIdOf, body: SwitchBody, desk: DeskOf, change: ChangeOf, response: Response) -> UserView:
    """Take a user out of use, or into it again: keys and sessions are refused within 5 s. Never the last admin."""
    with change.expecting(body.expected_revision) as revision:
        async with desk.edit() as edit:
            found = await users.switch(edit, id_, disabled=body.disabled, expected=revision)
    tag(response, found.revision)
    return found


@router.put("/{id}/roles", responses=errors(400, 401, 403, 404, 409, 412, 413, 415, 422, 503))
async def set_user_roles(
    id_: UserIdOf, body: RolesBody, desk: DeskOf, change: ChangeOf, response: Response
) -> UserView:
    """Give a user these roles and no others. Nobody gives what they do not have; the last admin stays one."""
    with change.expecting(body.expected_revision) as revision:
        async with desk.edit() as edit:
            found = await users.set_roles(edit, id_, body.roles, revision)
    tag(response, found.revision)
    return found
