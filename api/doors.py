"""What the routes for logging in share: the doors, who logs in from where, and whose token it is."""

from typing import Annotated

from fastapi import Depends, Request

from api.caller import credential_of
from api.client_address import client_address
from api.parts import PartsOf
from api.problems import ApiProblem
from domain.caller_errors import Unauthenticated
from services.identity.doors import Doors
from services.identity.session_rows import Client
from services.identity.token_form import looks_like_token
from services.identity.tokens import Claims


async def _doors(parts: PartsOf) -> Doors:
    if parts.doors is None:
        raise ApiProblem(503, "no_log_ins", "this API was started without log-ins")
    return parts.doors


DoorsOf = Annotated[Doors, Depends(_doors)]
"""A route's parameter for what people log in by."""


async def _client(request: Request) -> Client:
    return Client(client_address(request), request.headers.get("user-agent"))


ClientOf = Annotated[Client, Depends(_client)]
"""A route's parameter for where a call comes from."""


async def session_of(request: Request, doors: DoorsOf) -> Claims:
    """Return what the access token of a call says, whose session goes on.

    Raises:
        Unauthenticated: There is none; an API key has no session.
    """
    token = credential_of(request)
    if not looks_like_token(token):
        raise Unauthenticated("this needs the access token of a log-in")
    return await doors.log_ins.session_of(token)


SessionOf = Annotated[Claims, Depends(session_of)]
"""A route's parameter for the session of a call."""
