"""Limits of callers: set by admins, each for their own tenant; a tenant's own by whoever runs the installation."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from api.acting import ByOf
from api.bodies import StrictRoute
from api.caller import Caller, CallerOf
from api.documents.limits import (
    LimitChangeBody,
    LimitsDocument,
    LimitsQuery,
    NewLimitBody,
    StandingDocument,
    standing_document,
)
from api.parts import Parts, PartsOf
from api.problems import errors, invalid, not_found
from domain.caller_errors import Forbidden
from domain.caller_limits import SubjectKind, subjects_of
from domain.errors import NotFound
from domain.permissions import Permission
from services.storage import caller_limits, limit_desk
from services.storage.limit_desk import LimitDesk, LimitView

router = APIRouter(prefix="/v1/limits", tags=["limits"], route_class=StrictRoute)


async def _desk(parts: PartsOf) -> LimitDesk:
    return LimitDesk(parts.database)


DeskOf = Annotated[LimitDesk, Depends(_desk)]


async def _id(id_: Annotated[str, Path(alias="id", examples=["lim_01932f6e8a7b7c3d9e0f1a2b3c4d5e6f"])]) -> str:
    if not (id_.startswith("lim_") and id_.isascii() and id_.isprintable()):
        raise not_found("limit")
    return id_


IdOf = Annotated[str, Depends(_id)]


@router.get("", responses=errors(403, 422, 503))
async def list_limits(desk: DeskOf, caller: CallerOf, query: Annotated[LimitsQuery, Query()]) -> LimitsDocument:
    """List the limits of your tenant; who runs the installation sees those of all."""
    found = await desk.page(_tenant_seen(caller), query.subject, query.after or "", query.limit + 1)
    more = len(found) > query.limit
    return LimitsDocument(limits=found[: query.limit], after=found[query.limit - 1].id if more else None)


@router.post("", status_code=201, responses=errors(400, 403, 409, 413, 415, 422, 503))
async def add_limit(body: NewLimitBody, desk: DeskOf, parts: PartsOf, caller: CallerOf, by: ByOf) -> LimitView:
    """Limit a key, a user or a tenant; it holds in all processes within two seconds."""
    _may_change(caller, body.subject)
    tenant = await _tenant_of(parts, caller, body.subject)
    return await desk.create(by, tenant, body.subject, body.terms())


@router.get("/standing", responses=errors(403, 503))
async def read_own_standing(parts: PartsOf, caller: CallerOf) -> StandingDocument:
    """Read what is left of your own limits: those of your key, your user and your tenant."""
    return standing_document(await caller_limits.standing(parts.database, subjects_of(caller)))


@router.get("/{id}", responses=errors(403, 404, 422, 503))
async def read_limit(id_: IdOf, desk: DeskOf, caller: CallerOf) -> LimitView:
    """Read a limit."""
    return await desk.read(_tenant_seen(caller), id_)


@router.patch("/{id}", responses=errors(400, 403, 404, 413, 415, 422, 503))
async def change_limit(id_: IdOf, body: LimitChangeBody, desk: DeskOf, caller: CallerOf, by: ByOf) -> LimitView:
    """Give a limit another amount."""
    before = await desk.read(_tenant_seen(caller), id_)
    _may_change(caller, before.subject)
    return await desk.change(by, before, body.amount)


@router.delete("/{id}", status_code=204, responses=errors(403, 404, 422, 503))
async def remove_limit(id_: IdOf, desk: DeskOf, caller: CallerOf, by: ByOf) -> None:
    """Remove a limit."""
    before = await desk.read(_tenant_seen(caller), id_)
    _may_change(caller, before.subject)
    await desk.delete(by, before)


def _runs_all(caller: Caller) -> bool:
    return caller.may(Permission.TENANTS_WRITE)


def _tenant_seen(caller: Caller) -> str | None:
    """Return whose limits a caller sees, None: of all tenants."""
    return None if _runs_all(caller) else caller.tenant


def _may_change(caller: Caller, subject: str) -> None:
    """Go on unless it is a tenant's own limit, which its users are not to lift.

    Raises:
        Forbidden: It is, and the caller does not run the installation.
    """
    if subject.startswith(f"{SubjectKind.TENANT}:") and not _runs_all(caller):
        raise Forbidden("the limits of a tenant are set by who runs the installation", Permission.TENANTS_WRITE.value)


async def _tenant_of(parts: Parts, caller: Caller, subject: str) -> str:
    """Return the tenant that a subject belongs to. Raises ApiProblem 422: there is none that the caller sees."""
    try:
        async with parts.database.transaction() as tx:
            tenant = await limit_desk.tenant_of(tx, subject)
    except NotFound:
        tenant = None
    if tenant is None or _tenant_seen(caller) not in (None, tenant):
        raise invalid("unknown_subject", "/subject", "there is no such tenant, user or key")
    return tenant
