"""Who the caller is to this API, and what they may do."""

from fastapi import APIRouter

from api import key_ceilings
from api.caller import Caller, CallerOf
from api.documents.keys import ApiKeyDocument
from api.documents.me import MeDocument
from api.parts import Parts, PartsOf
from api.problems import errors
from domain.grant_scopes import left_of
from domain.grants import GrantKind
from services.identity import key_rows, tenants, users

router = APIRouter(prefix="/v1/me", tags=["identity"])


@router.get("", responses=errors(401, 403, 503))
async def read_me(parts: PartsOf, caller: CallerOf) -> MeDocument:
    """Read who you are with the key or token that you sent, and what you may do with it."""
    left = {kind: left_of(caller.grants, kind) for kind in GrantKind}
    return MeDocument(
        user=await users.view(parts.database, caller.owner),
        actor=caller.by,
        tenant=await tenants.view(parts.database, caller.tenant),
        key=await _key(parts, caller),
        permissions=tuple(sorted(caller.permissions)),
        grants={kind: patterns for kind, patterns in left.items() if patterns is not None},
        wallet=caller.wallet,
    )


async def _key(parts: Parts, caller: Caller) -> ApiKeyDocument | None:
    if caller.key_id is None:
        return None
    return await key_ceilings.shown_one(parts.database, await key_rows.view(parts.database, caller.key_id))
