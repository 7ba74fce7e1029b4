"""Routes, as admins see and change them."""

from datetime import datetime

from domain.errors import Problem
from domain.model_pool import Route
from domain.route_fallbacks import Fallbacks
from services.llm.config.edit import Edit, Source
from services.llm.config.providers import in_the_way
from services.llm.config.rules import refuse, route_problems
from services.llm.config.shelf import DEPLOYMENTS, ROUTES, Stored, named, shown
from services.storage.statements import Statements

_FALLBACKS = "SELECT name, version, data->'fallbacks' AS fallbacks FROM pool_route"


class RouteView(Route):
    """A route with its source and revision."""

    source: Source
    revision: int
    created_at: datetime
    updated_at: datetime


def view(stored: Stored[Route]) -> RouteView:
    """Return a route as people see it."""
    return RouteView(**shown(stored))


async def create(edit: Edit, route: Route) -> None:
    """Add a route.

    Raises:
        Conflict: There is one of this name and version.
        InvalidInput: It names deployments or fallbacks that are not there, comes back to itself, or there are too many.
    """
    await _check(edit, route)
    await ROUTES.make_room(edit.tx)
    await ROUTES.add(edit, route)


async def replace(edit: Edit, route: Route, expected: int | None) -> None:
    """Replace a route.

    Raises:
        NotFound: There is none of this name and version.
        StaleRevision: It has another revision than expected.
        InvalidInput: As `create`.
    """
    await _check(edit, route)
    await ROUTES.change(edit, route, expected=expected)


async def delete(edit: Edit, name: str, version: str, expected: int | None) -> None:
    """Remove a route that no other falls back to.

    Raises:
        NotFound: There is none of this name and version.
        Conflict: Others fall back to it, which are named; or it has another revision than expected.
    """
    falling = (await _fallbacks(edit.tx)).falling_to([(name, version)])
    in_the_way("routes", [named((route.name, route.version)) for route in falling])
    await ROUTES.remove(edit, (name, version), expected)


async def _check(edit: Edit, route: Route) -> None:
    problems = route_problems(route)
    missing = await DEPLOYMENTS.missing(edit.tx, (target.deployment_id for target in route.targets))
    problems += [
        Problem(
            code="unknown_deployment",
            path=f"/targets/{index}/deployment_id",
            message="there is no deployment of this id",
        )
        for index, target in enumerate(route.targets)
        if target.deployment_id in missing
    ]
    if route.fallbacks:
        problems += (await _fallbacks(edit.tx, route)).problems(route)
    refuse(problems)


async def _fallbacks(where: Statements, wanted: Route | None = None) -> Fallbacks:
    """Return the fallbacks of all routes, as they would be with the wanted one."""
    routes = {
        (row["name"], row["version"]): Route.model_construct(
            name=row["name"], version=row["version"], fallbacks=tuple(row["fallbacks"])
        )
        for row in await where.fetch(_FALLBACKS)
    }
    if wanted is not None:
        routes[wanted.name, wanted.version] = wanted
    return Fallbacks(routes.values())
