"""What a caller is granted: models that are asked for by name, and tools that are shown. Activities look again."""

from collections.abc import Iterable, Iterator

from pydantic import JsonValue

from api.caller import Caller
from api.parts import Parts
from contracts.calls import Seed
from domain.caller_errors import Forbidden
from domain.grants import GrantKind
from domain.model_pool import Route
from domain.permissions import Permission
from domain.request import Options


def may_use(caller: Caller, route: Route, asked: str) -> bool:
    """Whether a route of the pool is the caller's to use by the name by which it is asked for."""
    return (route.owners is None or caller.owner in route.owners) and caller.grants.allow_model(asked)


def may_see_tool(caller: Caller, server: str, name: str) -> bool:
    """Whether a tool is shown to the caller: it is granted, or they look after all tools."""
    return caller.may(Permission.TOOLS_WRITE) or caller.grants.allow(GrantKind.TOOL, f"{server}/{name}")


def check_models(parts: Parts, caller: Caller, asked: Iterable[str]) -> None:
    """Go on only if all these models may be used; one that is not known here is judged by its name.

    Raises:
        Forbidden: One may not.
    """
    for model in asked:
        route = None if parts.pool is None else parts.pool.route(model)
        if not (caller.grants.allow_model(model) if route is None else may_use(caller, route, model)):
            raise Forbidden(f"you may not use the model {model!r}")


def models_of(options: Options, seed: Seed | None) -> Iterator[str]:
    """Yield the models that a new request names: its own, and those of the steps that it brings with it."""
    if options.model is not None:
        yield options.model
    for step in () if seed is None else seed.plan.steps:
        if step.model is not None:
            yield step.model


def models_in(edits: JsonValue) -> Iterator[str]:
    """Yield the models that an amendment names."""
    for edit in edits if isinstance(edits, list) else ():
        if isinstance(edit, dict):
            yield from _named(edit)
            yield from _named(edit.get("step"))


def _named(where: JsonValue) -> Iterator[str]:
    model = where.get("model") if isinstance(where, dict) else None
    if isinstance(model, str):
        yield model
