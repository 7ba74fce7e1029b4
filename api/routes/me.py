"""Who the caller is to this API, and what they may do."""

from fastapi import APIRouter

from api.caller import CallerOf
from api.documents.identity import MeDocument
from api.parts import PartsOf
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
        key=None if caller.key_id is None else await key_rows.view(parts.database, caller.key_id),
        permissions=tuple(sorted(caller.permissions)),
        grants={kind: patterns for kind, patterns in left.items() if patterns is not None},
        wallet=caller.wallet,
    )
