"""The pool's providers: APIs at addresses."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.acting import ByOf
from api.bodies import StrictRoute
from api.documents.pool import PageQuery, ProviderBody, ProvidersDocument, SwitchBody
from api.parts import PoolOf
from api.pool_ids import PoolIdOf, same_id
from api.problems import errors
from api.revisions import ChangeOf, tag
from services.llm.admin import ProviderView

router = APIRouter(prefix="/v1/pool/providers", tags=["pool"], route_class=StrictRoute)


@router.get("", responses=errors(403, 422, 503))
async def list_pool_providers(pool: PoolOf, query: Annotated[PageQuery, Query()]) -> ProvidersDocument:
    """List the providers."""
    found, after = await pool.providers.page(None if query.after is None else (query.after,), query.limit)
    return ProvidersDocument(providers=found, after=None if after is None else after[0])


@router.post("", status_code=201, responses=errors(400, 403, 409, 413, 415, 422, 503))
async def add_pool_provider(body: ProviderBody, pool: PoolOf, by: ByOf, response: Response) -> ProviderView:
    """Add a provider. Its address may be in a private network only if `allow_private` says so."""
    view = await pool.providers.create(by, body.value())
    response.headers["Location"] = f"/v1/pool/providers/{view.id}"
    tag(response, view.revision)
    return view


@router.get("/{id}", responses=errors(403, 404, 503))
async def read_pool_provider(id_: PoolIdOf, pool: PoolOf, response: Response) -> ProviderView:
    """Read a provider."""
    view = await pool.providers.read((id_,))
    tag(response, view.revision)
    return view


@router.put("/{id}", responses=errors(400, 403, 404, 409, 412, 413, 415, 422, 503))
async def replace_pool_provider(
    id_: PoolIdOf, body: ProviderBody, pool: PoolOf, change: ChangeOf, response: Response
) -> ProviderView:
    """Replace a provider."""
    same_id(id_, body.id)
    with change.expecting(body.expected_revision) as revision:
        view = await pool.providers.replace(change.by, body.value(), revision)
    tag(response, view.revision)
    return view


@router.patch("/{id}", responses=errors(400, 403, 404, 409, 412, 413, 415, 422, 503))
async def switch_pool_provider(
    id_: PoolIdOf, body: SwitchBody, pool: PoolOf, change: ChangeOf, response: Response
) -> ProviderView:
    """Take a provider with all its accounts out of use, or into it again."""
    with change.expecting(body.expected_revision) as revision:
        view = await pool.providers.switch(change.by, (id_,), disabled=body.disabled, expected=revision)
    tag(response, view.revision)
    return view


@router.delete("/{id}", status_code=204, responses=errors(400, 403, 404, 409, 412, 503))
async def remove_pool_provider(id_: PoolIdOf, pool: PoolOf, change: ChangeOf) -> None:
    """Remove a provider. One that has accounts is a 409 that names them."""
    with change.expecting() as revision:
        await pool.providers.delete(change.by, id_, revision)
