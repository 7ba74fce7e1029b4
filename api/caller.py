"""Who asks: found out once for every call, from its key or token, whichever door it came through."""

from dataclasses import replace
from typing import Annotated, Final, Protocol

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import Scope

from api.client_address import client_address
from api.problems import ApiProblem
from domain.caller import Caller
from domain.caller_errors import Unauthenticated
from domain.errors import LonghaulError

__all__ = [
    "NOBODY",
    "SUBPROTOCOL",
    "Caller",
    "CallerOf",
    "Identity",
    "authenticate",
    "caller_if_any",
    "caller_of",
    "credential_of",
    "owner_of",
]

NOBODY: Final = "nobody"
"""Whose a call is in the log that was refused before its caller was known."""
ACT_AS: Final = "x-longhaul-act-as"
"""The header that names the user for whom the caller acts."""
SUBPROTOCOL: Final = "longhaul"
"""What a WebSocket speaks. Browsers, which can send no header, offer beside it `bearer.<key>`."""

_BEARER_PROTOCOL: Final = "bearer."
_LONGEST: Final = 8192


class Identity(Protocol):
    """Who knows callers by their keys and tokens (`services.identity.authenticator.Authenticator`)."""

    async def caller(self, credential: str, address: str | None, act_as: str | None = None) -> Caller:
        """Return the caller whose key or token this is.

        Raises:
            Unauthenticated: It is no valid one.
            Forbidden: It may not be used from this address, or not for this user.
            Unavailable: The database does not answer.
        """
        ...


async def authenticate(connection: HTTPConnection, act_as: str | None = None) -> Caller:
    """Find out who sends a call. `act_as`: for whom; None: for whom its header says, or for the sender.

    Raises:
        ApiProblem: 503, this API was started without identities: it serves nobody.
        Unauthenticated, Forbidden, Unavailable: As `Identity.caller`.
    """
    identity: Identity | None = connection.app.state.parts.identity
    if identity is None:
        raise ApiProblem(503, "no_identity", "this API was started without identities, and serves nobody")
    address = client_address(connection)
    found = await identity.caller(credential_of(connection), address, act_as or connection.headers.get(ACT_AS))
    return replace(found, address=address)


def credential_of(connection: HTTPConnection) -> str:
    """Return the key or token that a call brings: of `Authorization`, `x-api-key`, or a WebSocket's subprotocols.

    Raises:
        Unauthenticated: It brings none, or several.
    """
    headers = connection.headers
    found = [_bearer(value) for value in headers.getlist("authorization")] or headers.getlist("x-api-key")
    if not found and connection.scope["type"] == "websocket":
        offered: list[str] = connection.scope.get("subprotocols", [])
        found = [each.removeprefix(_BEARER_PROTOCOL) for each in offered if each.startswith(_BEARER_PROTOCOL)]
    if len(found) != 1 or not 0 < len(found[0]) <= _LONGEST:
        raise Unauthenticated("send one key or token, as `Authorization: Bearer …` or `x-api-key: …`")
    return found[0]


async def caller_of(connection: HTTPConnection) -> Caller:
    """Return who sent a call (`api.authentication` has found it out).

    Raises:
        Unauthenticated: Nobody who is known.
    """
    caller = _known(connection.scope)
    if caller is None:
        raise Unauthenticated("this needs a key or a token")
    return caller


async def caller_if_any(connection: HTTPConnection) -> Caller | None:
    """Return who sent a call to a route that is open to everybody, as far as that is known."""
    try:
        return await authenticate(connection)
    except (LonghaulError, ApiProblem):
        return None


def owner_of(scope: Scope) -> str:
    """Return whose a call is in the log."""
    caller = _known(scope)
    return NOBODY if caller is None else caller.owner


def _known(scope: Scope) -> Caller | None:
    caller: Caller | None = scope.get("state", {}).get("caller")
    return caller


def _bearer(value: str) -> str:
    """Return the credentials of a header of the Bearer scheme; empty for any other."""
    scheme, _, token = value.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


CallerOf = Annotated[Caller, Depends(caller_of)]
"""A route's parameter for the caller."""
