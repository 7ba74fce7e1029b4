"""The OpenID providers of the caller's tenant."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from api.acting import ByOf
from api.bodies import StrictRoute
from api.caller import Caller, CallerOf
from api.documents.oidc import OidcProviderBody, OidcProvidersDocument, OidcProvidersQuery, OidcSwitchBody
from api.doors import DoorsOf
from api.parts import Parts, PartsOf
from api.problems import errors, invalid
from api.revisions import ChangeOf, tag
from domain.caller_errors import Forbidden
from domain.permissions import ROLES, Permission
from services.identity.guards import must_have, must_reach_roles
from services.identity.oidc.desk import ProviderView
from services.identity.oidc.provider import PROVIDER_ID

router = APIRouter(prefix="/v1/oidc-providers", tags=["auth"], route_class=StrictRoute)

IdOf = Annotated[str, Path(alias="id", pattern=PROVIDER_ID, examples=["corp"])]


@router.get("", responses=errors(401, 403, 422, 503))
async def list_oidc_providers(
    doors: DoorsOf, caller: CallerOf, query: Annotated[OidcProvidersQuery, Query()]
) -> OidcProvidersDocument:
    """List the providers."""
    found, after = await doors.providers.page(caller.tenant, query.after, query.limit)
    return OidcProvidersDocument(providers=found, after=after)


@router.post("", status_code=201, responses=errors(400, 401, 403, 409, 413, 415, 422, 503))
async def add_oidc_provider(
    body: OidcProviderBody, doors: DoorsOf, parts: PartsOf, caller: CallerOf, by: ByOf, response: Response
) -> ProviderView:
    """Add a provider. One in a private network needs the permission settings.write."""
    await _check_reach(body, parts, caller)
    view = await doors.providers.create(by, body.id, body.spec(), body.secret())
    response.headers["Location"] = f"/v1/oidc-providers/{view.id}"
    tag(response, view.revision)
    return view


@router.get("/{id}", responses=errors(401, 403, 404, 422, 503))
async def read_oidc_provider(id_: IdOf, doors: DoorsOf, caller: CallerOf, response: Response) -> ProviderView:
    """Read a provider."""
    view = await doors.providers.read(caller.tenant, id_)
    tag(response, view.revision)
    return view


@router.put("/{id}", responses=errors(400, 401, 403, 404, 409, 412, 413, 415, 422, 503))
async def replace_oidc_provider(
    id_: IdOf, body: OidcProviderBody, doors: DoorsOf, parts: PartsOf, caller: CallerOf, change: ChangeOf
) -> ProviderView:
    """Replace a provider. Its issuer stays the same."""
    await _check_reach(body, parts, caller)
    if body.id != id_:
        raise invalid("id_mismatch", "/id", "the body names another object than the path")
    with change.expecting(body.expected_revision) as revision:
        return await doors.providers.replace(change.by, id_, body.spec(), body.secret(), revision)


@router.patch("/{id}", responses=errors(400, 401, 403, 404, 409, 412, 413, 415, 422, 503))
async def switch_oidc_provider(
    id_: IdOf, body: OidcSwitchBody, doors: DoorsOf, change: ChangeOf, response: Response
) -> ProviderView:
    """Take a provider out of use, which ends its sessions, or into it again."""
    with change.expecting(body.expected_revision) as revision:
        view = await doors.providers.switch(change.by, id_, disabled=body.disabled, expected=revision)
    tag(response, view.revision)
    return view


@router.delete("/{id}", status_code=204, responses=errors(400, 401, 403, 404, 409, 412, 422, 503))
async def remove_oidc_provider(id_: IdOf, doors: DoorsOf, change: ChangeOf) -> None:
    """Remove a provider: its sessions end, and nobody is known by it any more. Its users stay."""
    with change.expecting() as revision:
        await doors.providers.delete(change.by, id_, revision)


async def _check_reach(body: OidcProviderBody, parts: Parts, caller: Caller) -> None:
    """Let only who runs the installation point its requests into private networks, and nobody give more than they have.

    Raises:
        Forbidden: They do not run it; or people are made members, who may do or use more than the caller.
    """
    if body.creates_users:
        must_have(caller, ROLES["member"])
        await must_reach_roles(parts.database, caller, caller.tenant, ["member"])
    if body.allow_private and not caller.may(Permission.SETTINGS_WRITE):
        wanted = Permission.SETTINGS_WRITE.value
        raise Forbidden(f"a provider in a private network needs the permission {wanted}", wanted)
