"""The models that a caller may use, as in the OpenAI API: `GET /v1/models`."""

from fastapi import APIRouter

from api.caller import Caller, CallerOf
from api.documents.gateway_models import ModelDocument, ModelList, model_document
from api.gateway.making import permitted
from api.gateway.problems import errors
from api.granted import may_use
from api.parts import Parts, PartsOf
from domain.model_pool import Route

router = APIRouter(prefix="/v1/models", tags=["gateway"])


@router.get("", responses=errors())
async def list_models(parts: PartsOf, caller: CallerOf) -> ModelList:
    """List the models that you may use, by name. The default one is among them, first if no route bears its name."""
    routes = () if parts.pool is None else parts.pool.routes_for(caller.owner)
    listed = tuple(_document(parts, route) for route in routes if may_use(caller, route, route.name))
    default = _default(parts, caller)
    if default is None or any(model.id == default.id for model in listed):
        return ModelList(data=listed)
    return ModelList(data=(default, *listed))


@router.get("/{model:path}", responses=errors(404))
async def read_model(model: str, parts: PartsOf, caller: CallerOf) -> ModelDocument:
    """Read one model, by any name that calls may ask for it."""
    return _document(parts, permitted(parts, caller, model)).model_copy(update={"id": model})


def _default(parts: Parts, caller: Caller) -> ModelDocument | None:
    """Return the installation's default model, None where the caller cannot ask for it."""
    name = parts.current.default_model
    route = None if parts.pool is None or name is None else parts.pool.route(name)
    if name is None or route is None or not may_use(caller, route, name):
        return None
    return _document(parts, route).model_copy(update={"id": name})


def _document(parts: Parts, route: Route) -> ModelDocument:
    return model_document(route, () if parts.pool is None else parts.pool.deployments_of(route))
