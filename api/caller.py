"""Who asks. Every read and write takes the caller; until there are users it is the one local owner."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

LOCAL_OWNER = "local"


@dataclass(frozen=True)
class Caller:
    """Whose objects may be seen and changed."""

    owner: str


async def caller_of(connection: HTTPConnection) -> Caller:
    """Return who sent a call, whichever door it came through: a route or `/mcp`.

    Raises:
        ApiProblem: The call does not say who sends it. Never yet: only this machine may call.
    """
    del connection
    return Caller(LOCAL_OWNER)


CallerOf = Annotated[Caller, Depends(caller_of)]
"""A route's parameter for the caller."""
