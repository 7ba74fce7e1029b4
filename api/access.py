"""Who may call what: what a route wants of its caller stands in `api.access_rows`.

A route without a row is refused to all, and fails a test. Whose objects a caller sees is not decided here: every
read and write takes the caller.
"""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.routing import compile_path
from starlette.types import Scope

from api.access_rows import ACCESS, KNOWN, PUBLIC, Access
from api.caller import Caller, caller_of
from api.limiting import count_route
from api.request_rows import method_of
from domain.caller_errors import Forbidden
from domain.permissions import Permission

_OPEN: Final = frozenset(row for row, wanted in ACCESS.items() if wanted is PUBLIC and "{" not in row)
_OPEN_LIKE: Final = tuple(
    (row.partition(" ")[0], compile_path(row.partition(" ")[2])[0])
    for row, wanted in ACCESS.items()
    if wanted is PUBLIC and "{" in row
)


async def authorize(connection: HTTPConnection) -> None:
    """Let a call through to its route, or not.

    Raises:
        Unauthenticated: The route wants a caller, and there is none.
        Forbidden: The caller may not do this, or the route has no row.
        RateLimited: A limit of the caller's is reached.
    """
    wanted = access_of(connection.scope)
    if wanted is PUBLIC:
        return
    caller = await caller_of(connection)
    if wanted is None:
        raise Forbidden("this route is open to nobody")
    if wanted is not KNOWN:
        demand(caller, wanted)
    await count_route(connection, caller)


def demand(caller: Caller, wanted: Permission) -> None:
    """Go on only if the caller holds a permission.

    Raises:
        Forbidden: They do not.
    """
    if not caller.may(wanted):
        raise Forbidden(f"this needs the permission {wanted.value}", wanted.value)


def access_of(scope: Scope) -> Access | None:
    """Return what the route that was found wants; None: it has no row."""
    template: str = getattr(scope.get("route"), "path_format", "")
    return ACCESS.get(f"{_method(scope)} {template}")


def is_open(scope: Scope) -> bool:
    """Whether a path needs no caller, as far as that is known before its route is; `authorize` has the last word."""
    method, path = _method(scope), scope["path"]
    if f"{method} {path}" in _OPEN:
        return True
    return any(method == allowed and regex.match(path) for allowed, regex in _OPEN_LIKE)


def _method(scope: Scope) -> str:
    """Return the method of the row; who may GET may ask for the HEAD alone."""
    method = method_of(scope)
    return "GET" if method == "HEAD" else method
