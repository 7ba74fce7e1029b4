"""Who asks. Every read and write takes the caller; until there are users it is the one local owner."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import Scope

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
    caller = Caller(LOCAL_OWNER)
    connection.state.caller = caller  # for the log of API calls
    return caller


def owner_of(scope: Scope) -> str:
    """Return whose a call is in the log: its caller's, or, until there are users, the one owner's."""
    caller: Caller | None = scope.get("state", {}).get("caller")
    return LOCAL_OWNER if caller is None else caller.owner


CallerOf = Annotated[Caller, Depends(caller_of)]
"""A route's parameter for the caller."""
