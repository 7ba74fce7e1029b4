"""API keys. A secret is shown once, when it is made; everybody manages their own, `keys.write` those of others."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import key_ceilings
from api.bodies import StrictRoute
from api.caller import Caller, CallerOf
from api.documents.keys import (
    ApiKeyDocument,
    KeyBody,
    KeysDocument,
    KeysQuery,
    MadeKeyDocument,
    NewKeyBody,
    RotatedKeyDocument,
    RotationBody,
)
from api.documents.pool import SwitchBody
from api.identity_parts import DeskOf, KeyIdOf, PepperOf
from api.parts import PartsOf
from api.problems import errors
from api.revisions import ChangeOf, tag
from domain.caller_errors import Forbidden
from domain.permissions import Permission
from services.identity import api_keys, key_rows, users
from services.identity.guards import must_see, tenant_for
from services.identity.key_rotation import rotate

router = APIRouter(prefix="/v1/keys", tags=["identity"], route_class=StrictRoute)

_NO_STORE = {"Cache-Control": "no-store"}


@router.get("", responses=errors(401, 403, 404, 422, 503))
async def list_keys(parts: PartsOf, caller: CallerOf, query: Annotated[KeysQuery, Query()]) -> KeysDocument:
    """List your keys; with `keys.write` those of another user or of a whole tenant. Revoked ones are left out."""
    if query.user_id is None and query.tenant is not None:
        _must_manage(caller)
        tenant = tenant_for(caller, query.tenant, Permission.TENANTS_READ)
        found, after = await key_rows.page_of_tenant(parts.database, tenant, query.after, query.limit)
        return KeysDocument(keys=await key_ceilings.shown(parts.database, found), after=after)
    user_id = query.user_id or caller.owner
    if user_id != caller.owner:
        _must_manage(caller)
        must_see(caller, (await users.view(parts.database, user_id)).tenant, Permission.TENANTS_READ, "user")
    found, after = await key_rows.page_of_user(parts.database, user_id, query.after, query.limit)
    return KeysDocument(keys=await key_ceilings.shown(parts.database, found), after=after)


@router.post("", status_code=201, responses=errors(400, 401, 403, 404, 409, 413, 415, 422, 503))
async def add_key(
    body: NewKeyBody, desk: DeskOf, parts: PartsOf, pepper: PepperOf, response: Response
) -> MadeKeyDocument:
    """Make a key, with bounds of its own. It never has more than you have, nor than the key that you use."""
    key_ceilings.check(parts, body)
    async with desk.edit() as edit:
        view, made = await api_keys.create(edit, pepper, body.user_id, body.fields())
        await key_ceilings.add(edit, view, body)
        shown = await key_ceilings.shown_one(edit.tx, view)
    await key_ceilings.hold_here(parts, body)
    response.headers.update({**_NO_STORE, "Location": f"/v1/keys/{view.id}"})
    tag(response, view.revision)
    return MadeKeyDocument(key=shown, secret=made.text)


@router.get("/{id}", responses=errors(401, 403, 404, 503))
async def read_key(id_: KeyIdOf, parts: PartsOf, caller: CallerOf, response: Response) -> ApiKeyDocument:
    """Read a key with its budgets and limits, without its secret."""
    found = await api_keys.seen(parts.database, caller, id_)
    tag(response, found.revision)
    return await key_ceilings.shown_one(parts.database, found)


@router.put("/{id}", responses=errors(400, 401, 403, 404, 409, 412, 413, 415, 422, 503))
async def replace_key(
    id_: KeyIdOf, body: KeyBody, desk: DeskOf, change: ChangeOf, response: Response
) -> ApiKeyDocument:
    """Have a key be something else; its secret, budgets and limits stay. What is left out is as in a new key."""
    with change.expecting(body.expected_revision) as revision:
        async with desk.edit() as edit:
            found = await api_keys.replace(edit, id_, body.fields(), revision)
            shown = await key_ceilings.shown_one(edit.tx, found)
    tag(response, found.revision)
    return shown


@router.patch("/{id}", responses=errors(400, 401, 403, 404, 409, 412, 413, 415, 422, 503))
async def switch_key(
    id_: KeyIdOf, body: SwitchBody, desk: DeskOf, change: ChangeOf, response: Response
) -> ApiKeyDocument:
    """Take a key out of use, or into it again: it is refused within 5 s, in every process."""
    with change.expecting(body.expected_revision) as revision:
        async with desk.edit() as edit:
            found = await api_keys.switch(edit, id_, disabled=body.disabled, expected=revision)
            shown = await key_ceilings.shown_one(edit.tx, found)
    tag(response, found.revision)
    return shown


@router.delete("/{id}", status_code=204, responses=errors(400, 401, 403, 404, 409, 412, 503))
async def revoke_key(id_: KeyIdOf, desk: DeskOf, change: ChangeOf) -> None:
    """Take a key out of use for ever: it is refused within 5 s, in every process."""
    with change.expecting() as revision:
        async with desk.edit() as edit:
            await api_keys.revoke(edit, id_, revision)


@router.post("/{id}/rotate", responses=errors(400, 401, 403, 404, 409, 413, 415, 422, 503))
async def rotate_key(
    id_: KeyIdOf, body: RotationBody, desk: DeskOf, parts: PartsOf, pepper: PepperOf, response: Response
) -> RotatedKeyDocument:
    """Give a key a new secret; the old one stays good for `grace_s`. Of several rotations at once one wins."""
    key_ceilings.check(parts, body)
    async with desk.edit() as edit:
        rotated = await rotate(edit, pepper, id_, body)
        if rotated.secret is not None:
            await key_ceilings.add(edit, rotated.key, body)
        shown = await key_ceilings.shown_one(edit.tx, rotated.key)
    await key_ceilings.hold_here(parts, body)
    response.headers.update(_NO_STORE)
    tag(response, rotated.key.revision)
    return RotatedKeyDocument(key=shown, secret=rotated.secret, repeated=rotated.secret is None)


def _must_manage(caller: Caller) -> None:
    if not caller.may(Permission.KEYS_WRITE):
        raise Forbidden("keys of others need the permission keys.write", Permission.KEYS_WRITE.value)
