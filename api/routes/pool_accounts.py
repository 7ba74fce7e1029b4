"""The pool's accounts: credentials with their limits. A credential goes in and never comes out again."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import pool_workflows
from api.acting import ByOf, note_acting
from api.bodies import StrictRoute
from api.caller import CallerOf
from api.documents.pool import AccountBody, AccountsDocument, AccountsQuery, AccountTestDocument, SwitchBody
from api.parts import PartsOf, PoolOf
from api.pool_ids import PoolIdOf, same_id
from api.problems import errors
from api.revisions import ChangeOf, tag
from services.llm.admin import AccountView, Rewrapped
from services.storage.audit import Act

router = APIRouter(prefix="/v1/pool", tags=["pool"], route_class=StrictRoute)


@router.get("/accounts", responses=errors(403, 422, 503))
async def list_pool_accounts(pool: PoolOf, query: Annotated[AccountsQuery, Query()]) -> AccountsDocument:
    """List the accounts, of one provider or all, without credentials."""
    start = None if query.after is None else (query.after,)
    found, after = await pool.accounts.page(start, query.limit, query.provider_id)
    return AccountsDocument(accounts=found, after=None if after is None else after[0])


@router.post("/accounts", status_code=201, responses=errors(400, 403, 409, 413, 415, 422, 503))
async def add_pool_account(
    body: AccountBody, parts: PartsOf, pool: PoolOf, by: ByOf, response: Response
) -> AccountView:
    """Add an account; its credential is tried at once with a free call, if a worker is up."""
    view = await pool.accounts.create(by, body.value(), body.new_credential())
    if not body.disabled:
        await pool_workflows.check_soon(parts, view)
    response.headers["Location"] = f"/v1/pool/accounts/{view.id}"
    tag(response, view.revision)
    return view


@router.get("/accounts/{id}", responses=errors(403, 404, 503))
async def read_pool_account(id_: PoolIdOf, pool: PoolOf, response: Response) -> AccountView:
    """Read an account, without its credential."""
    view = await pool.accounts.read((id_,))
    tag(response, view.revision)
    return view


@router.put("/accounts/{id}", responses=errors(400, 403, 404, 409, 412, 413, 415, 422, 503))
async def replace_pool_account(
    id_: PoolIdOf,
    body: AccountBody,
    parts: PartsOf,
    pool: PoolOf,
    change: ChangeOf,
    response: Response,
) -> AccountView:
    """Replace an account. Without `credential` the stored one stays; a new one is tried at once."""
    same_id(id_, body.id)
    credential = body.new_credential()
    with change.expecting(body.expected_revision) as revision:
        view = await pool.accounts.replace(change.by, body.value(), credential, revision)
    if credential is not None and not body.disabled:
        await pool_workflows.check_soon(parts, view)
    tag(response, view.revision)
    return view


@router.patch("/accounts/{id}", responses=errors(400, 403, 404, 409, 412, 413, 415, 422, 503))
async def switch_pool_account(
    id_: PoolIdOf, body: SwitchBody, pool: PoolOf, change: ChangeOf, response: Response
) -> AccountView:
    """Take an account out of use, or into it again."""
    with change.expecting(body.expected_revision) as revision:
        view = await pool.accounts.switch(change.by, (id_,), disabled=body.disabled, expected=revision)
    tag(response, view.revision)
    return view


@router.delete("/accounts/{id}", status_code=204, responses=errors(400, 403, 404, 409, 412, 503))
async def remove_pool_account(id_: PoolIdOf, pool: PoolOf, change: ChangeOf) -> None:
    """Remove an account with its credential. One that has deployments is a 409 that names them."""
    with change.expecting() as revision:
        await pool.accounts.delete(change.by, id_, revision)


@router.post("/accounts/{id}/unpark", responses=errors(403, 404, 503))
async def unpark_pool_account(id_: PoolIdOf, pool: PoolOf, by: ByOf) -> AccountView:
    """Use a parked account again without a check; its next failure parks it again."""
    return await pool.accounts.unpark(by, id_)


@router.post("/accounts/{id}/test", responses={202: {"model": AccountTestDocument}, **errors(403, 404, 503)})
async def test_pool_account(
    id_: PoolIdOf, parts: PartsOf, pool: PoolOf, caller: CallerOf, response: Response
) -> AccountTestDocument:
    """Try an account's credential with a call that costs nothing. 202: it takes longer than 10 seconds and goes on."""
    account = await pool.accounts.read((id_,))
    await note_acting(parts.database, caller, Act("pool_account.test", "pool_account", account.id))
    found = await pool_workflows.check(parts, account)
    if found is None:
        response.status_code = 202
    return AccountTestDocument(finished=found is not None, result=found)


@router.post("/credentials/rewrap", responses=errors(403, 503))
async def rewrap_pool_credentials(pool: PoolOf, by: ByOf) -> Rewrapped:
    """Bring every credential under the master key in use, and count them. It may be repeated at any time."""
    return await pool.rewrap(by)
