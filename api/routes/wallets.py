"""Wallets: who pays. Read by those to whom they are granted, made and filled by who runs the installation."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Response

from api.acting import ByOf
from api.bodies import StrictRoute
from api.caller import CallerOf
from api.documents.wallets import (
    AdjustmentBody,
    NewWalletBody,
    RefundBody,
    StatementDocument,
    StatementForm,
    StatementQuery,
    TopUpBody,
    WalletChangeBody,
    WalletsDocument,
    WalletsQuery,
)
from api.parameters import KEY_LIMIT, KEY_PATTERN
from api.parts import PartsOf
from api.problems import errors, not_found
from api.reading.statements import csv_lines, json_lines
from domain.permissions import Permission
from services.ledger import movements, statements, wallets
from services.ledger.movements import Moved, Reason
from services.ledger.statements import NEWEST, Extent, StatementEntry
from services.ledger.wallets import NewWallet, WalletChange, WalletView

router = APIRouter(prefix="/v1/wallets", tags=["money"], route_class=StrictRoute)

_LONGEST_ID: Final = 100
_MOVED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": StatementEntry, "description": "The same key has done it before; nothing was moved now."}
}
_FORMS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": StatementDocument,
        "description": "With `form=jsonl` or `form=csv` a line for each entry; `X-Next-Before` is then the next page's "
        "`before`, and missing on the last.",
        "content": {"application/x-ndjson": {}, "text/csv": {}},
    }
}


async def _id(id_: Annotated[str, Path(alias="id", examples=["wal_01932f6e8a7b7c3d9e0f1a2b3c4d5e6f"])]) -> str:
    if len(id_) > _LONGEST_ID or not id_.isascii() or not id_.isprintable():
        raise not_found("wallet")
    return id_


async def _seen(id_: Annotated[str, Depends(_id)], parts: PartsOf, caller: CallerOf) -> WalletView:
    return await wallets.read(parts.database, caller, id_)


WalletOf = Annotated[WalletView, Depends(_seen)]
"""The wallet in the path; what the caller may not see is not found."""

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_LIMIT,
        pattern=KEY_PATTERN,
        description="The same key moves money once; with another amount 422.",
    ),
]


@router.get("", responses=errors(403, 422, 503))
async def list_wallets(parts: PartsOf, caller: CallerOf, query: Annotated[WalletsQuery, Query()]) -> WalletsDocument:
    """List the wallets of your tenant that are granted to you; who sees all tenants may name another."""
    tenant = query.tenant or caller.tenant
    found = await wallets.page(parts.database, caller, tenant, query.after or "", query.limit + 1)
    more = len(found) > query.limit
    return WalletsDocument(wallets=list(found[: query.limit]), after=found[query.limit - 1].id if more else None)


@router.post("", status_code=201, responses=errors(400, 403, 404, 413, 415, 422, 503))
async def add_wallet(body: NewWalletBody, parts: PartsOf, caller: CallerOf, by: ByOf, response: Response) -> WalletView:
    """Make a wallet for a tenant: prepaid, or a credit line with or without an end. Its currency stays."""
    new = NewWallet(
        tenant=body.tenant or caller.tenant,
        name=body.name,
        currency=body.currency,
        floor_micros=body.floor_micros,
        is_default=body.is_default,
    )
    async with parts.database.transaction() as tx:
        made = await wallets.create(tx, by, new)
    response.headers["Location"] = f"/v1/wallets/{made.id}"
    return made


@router.get("/{id}", responses=errors(403, 404, 503))
async def read_wallet(wallet: WalletOf) -> WalletView:
    """Read a wallet and its balance."""
    return wallet


@router.patch("/{id}", responses=errors(400, 402, 403, 404, 409, 413, 415, 422, 503))
async def change_wallet(
    wallet: WalletOf, body: WalletChangeBody, parts: PartsOf, caller: CallerOf, by: ByOf
) -> WalletView:
    """Rename a wallet, move its floor, take it out of use or into it again, or make it its tenant's default."""
    async with parts.database.transaction() as tx:
        await wallets.change(tx, by, wallet, WalletChange(**body.model_dump()))
    return await wallets.read(parts.database, caller, wallet.id)


@router.post("/{id}/top-ups", status_code=201, responses={**_MOVED, **errors(400, 403, 404, 409, 413, 415, 422, 503)})
async def top_up_wallet(
    wallet: WalletOf, body: TopUpBody, key: Key, parts: PartsOf, by: ByOf, response: Response
) -> StatementEntry:
    """Bring money into a wallet, once for the key."""
    reason = Reason(key, body.reason)
    return _told(response, await movements.top_up(parts.database, by, wallet.id, body.amount_micros, reason))


@router.post(
    "/{id}/adjustments", status_code=201, responses={**_MOVED, **errors(400, 402, 403, 404, 409, 413, 415, 422, 503)}
)
async def adjust_wallet(
    wallet: WalletOf, body: AdjustmentBody, key: Key, parts: PartsOf, by: ByOf, response: Response
) -> StatementEntry:
    """Put a wallet right by an amount, for a reason, once for the key; never below its floor."""
    reason = Reason(key, body.reason)
    return _told(response, await movements.adjust(parts.database, by, wallet.id, body.amount_micros, reason))


@router.post("/{id}/refunds", status_code=201, responses={**_MOVED, **errors(400, 403, 404, 409, 413, 415, 422, 503)})
async def refund_posting(
    wallet: WalletOf, body: RefundBody, key: Key, parts: PartsOf, by: ByOf, response: Response
) -> StatementEntry:
    """Give back what a call has cost the wallet, or a part of it, once for the key. Budgets still count the call."""
    given = (body.posting, body.amount_micros, Reason(key, body.reason))
    return _told(response, await movements.refund(parts.database, by, wallet.id, *given))


@router.get("/{id}/statement", response_model=StatementDocument, responses={**_FORMS, **errors(403, 404, 422, 503)})
async def read_statement(
    wallet: WalletOf, parts: PartsOf, caller: CallerOf, query: Annotated[StatementQuery, Query()]
) -> StatementDocument | Response:
    """Read what was moved in a wallet, newest first, with how it stood after each; postings with call and price.

    Of other people's work only who may read everybody's log sees more than the amounts.
    """
    owner = None if caller.may(Permission.LOG_READ_ALL) else caller.owner
    extent = Extent(query.before or NEWEST, query.since, query.until, owner)
    found = await statements.page(parts.database, wallet.id, extent, query.limit + 1)
    entries = list(found[: query.limit])
    before = entries[-1].id if len(found) > query.limit else None
    if query.form is StatementForm.JSON:
        return StatementDocument(wallet=wallet.id, currency=wallet.currency, entries=entries, before=before)
    headers = {} if before is None else {"X-Next-Before": str(before)}
    if query.form is StatementForm.CSV:
        return Response(csv_lines(entries), headers=headers, media_type="text/csv")
    return Response(json_lines(entries), headers=headers, media_type="application/x-ndjson")


def _told(response: Response, moved: Moved) -> StatementEntry:
    if not moved.created:
        response.status_code = 200
    return moved.entry
