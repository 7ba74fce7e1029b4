"""Which route a name asks for: `name@version`, a name alone, or a name with a `*` at its end."""

import re
from collections.abc import Iterable

from domain.model_pool import ANY_MODEL, Route

_RUNS = re.compile(r"\d+|\D+")


class RouteNames:
    """Finds routes by what callers ask for. The most specific name decides, also when its route is disabled.

    In order: the very name; `name@version`; the longest name ending in `*` that fits. A name alone is the route without
    a version, else the newest version that is not disabled.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._versions: dict[str, dict[str, Route]] = {}
        for route in routes:
            self._versions.setdefault(route.name, {})[route.version] = route
        self._patterns = sorted((name for name in self._versions if name.endswith(ANY_MODEL)), key=len, reverse=True)

    def find(self, asked: str) -> Route | None:
        """Return the route that may be used; None: there is none, or it is disabled."""
        name, at, version = asked.rpartition("@")
        found = self._exact(asked, "") or (self._exact(name, version) if at else None) or self._fitting(asked)
        return None if found is None or found.disabled else found

    def _exact(self, name: str, version: str) -> Route | None:
        versions = self._versions.get(name, {})
        return versions.get(version) if version else _newest(versions)

    def _fitting(self, asked: str) -> Route | None:
        name, at, version = asked.rpartition("@")
        for pattern in self._patterns:
            prefix, versions = pattern[: -len(ANY_MODEL)], self._versions[pattern]
            if at and version in versions and name.startswith(prefix):
                return versions[version]
            if asked.startswith(prefix) and (not at or "" in versions):
                return _newest(versions)
        return None


def _newest(versions: dict[str, Route]) -> Route | None:
    """Return the route without a version, else the newest that is enabled, else any that is not."""
    if not versions or "" in versions:
        return versions.get("")
    return max(versions.values(), key=lambda route: (not route.disabled, natural(route.version)))


def natural(version: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key by which versions are in order as people read them: 9 before 10, numbers after words."""
    return tuple((1, int(run), "") if run.isdecimal() else (0, 0, run) for run in _RUNS.findall(version))
