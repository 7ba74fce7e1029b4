"""How other users log in, as admins have it: giving a password, ending sessions."""

from fastapi import APIRouter

from api.bodies import StrictRoute
from api.documents.auth import UserPasswordBody
from api.doors import DoorsOf
from api.identity_parts import DeskOf, UserIdOf
from api.parts import PartsOf
from api.problems import errors
from domain.permissions import Permission
from services.identity import user_passwords, users
from services.identity.guards import must_see

router = APIRouter(prefix="/v1/users", tags=["auth"], route_class=StrictRoute)


@router.put("/{id}/password", status_code=204, responses=errors(400, 401, 403, 404, 413, 415, 422, 503))
async def set_user_password(
    id_: UserIdOf, body: UserPasswordBody, doors: DoorsOf, desk: DeskOf, parts: PartsOf
) -> None:
    """Give a person a password. All their sessions end; with `must_change` it opens nothing but its own change."""
    user = await users.view(parts.database, id_)
    must_see(desk.caller, user.tenant, Permission.TENANTS_WRITE, "user")
    hash_ = await doors.log_ins.hashed(body.password.get_secret_value(), user.name)
    async with desk.edit() as edit:
        await user_passwords.set_password(edit, id_, hash_, must_change=body.must_change)


@router.delete("/{id}/sessions", status_code=204, responses=errors(401, 403, 404, 503))
async def end_user_sessions(id_: UserIdOf, desk: DeskOf) -> None:
    """End all sessions of a user: their tokens are void within 5 s, everywhere. Keys stay good."""
    async with desk.edit() as edit:
        await user_passwords.end_sessions(edit, id_)
