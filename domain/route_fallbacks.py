"""Whether routes fall back to routes that are there, and never round in a circle."""

from collections.abc import Iterable, Sequence

from domain.errors import Problem
from domain.model_pool import Route
from domain.route_names import RouteNames


class Fallbacks:
    """The fallbacks of all routes, to judge one route's by. A disabled route counts as one that is there."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)
        enabled = tuple(route.model_copy(update={"disabled": False}) for route in self._routes)
        self._names = RouteNames(enabled)

    def problems(self, route: Route, path: str = "") -> list[Problem]:
        """Return what is wrong with the fallbacks of one of the routes: names of none, and ways back to itself."""
        found: list[Problem] = []
        for index, name in enumerate(route.fallbacks):
            place = f"{path}/fallbacks/{index}"
            target = self._names.find(name)
            if target is None:
                found.append(Problem(code="unknown_route", path=place, message="there is no route of this name"))
            elif self._leads_to(target, route):
                message = "this fallback leads back to the route itself"
                found.append(Problem(code="fallback_loop", path=place, message=message))
        return found

    def falling_to(self, gone: Sequence[tuple[str, str]]) -> tuple[Route, ...]:
        """Return the routes that would have a fallback without a route if the named ones (name, version) were gone."""
        left = tuple(route for route in self._routes if (route.name, route.version) not in gone)
        after = Fallbacks(left)
        return tuple(route for route in left if _lost(route, self, after))

    def find(self, name: str) -> Route | None:
        """Return the route that a fallback's name means."""
        return self._names.find(name)

    def _leads_to(self, start: Route, goal: Route) -> bool:
        """Whether a call that came to `start` could come to `goal`."""
        todo, seen = [start], set[tuple[str, str]]()
        while todo:
            route = todo.pop()
            if (route.name, route.version) == (goal.name, goal.version):
                return True
            if (route.name, route.version) not in seen:
                seen.add((route.name, route.version))
                todo += [after for name in route.fallbacks if (after := self._names.find(name)) is not None]
        return False


def _lost(route: Route, before: Fallbacks, after: Fallbacks) -> bool:
    return any(before.find(name) is not None and after.find(name) is None for name in route.fallbacks)
