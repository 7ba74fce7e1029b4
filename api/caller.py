"""Who asks. Every read and write takes the caller; until there are users it is the one local owner."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

LOCAL_OWNER = "local"


@dataclass(frozen=True)
class Caller:
    """Whose objects may be seen and changed."""

    owner: str


async def _caller() -> Caller:
    return Caller(LOCAL_OWNER)


CallerOf = Annotated[Caller, Depends(_caller)]
"""A route's parameter for the caller."""
