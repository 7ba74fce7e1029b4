"""Who is answerable for a change, and from where: what the audit log says of a caller."""

from typing import Annotated

from fastapi import Depends

from api.caller import Caller, CallerOf
from services.storage import audit
from services.storage.audit import Act, By
from services.storage.statements import Statements


async def _by(caller: CallerOf) -> By:
    return By.of(caller, caller.address)


ByOf = Annotated[By, Depends(_by)]
"""A route's parameter for who is answerable."""


async def note_acting(where: Statements, caller: Caller, *acts: Act) -> None:
    """Put on the audit what is done in another's name. Of their own work callers need no account.

    Every write that the audit does not tell of for everybody goes through here, before it is done or with it.

    Raises:
        Unavailable: The database does not answer, and nothing is to be done.
    """
    if caller.by != caller.owner:
        await audit.record(where, By.of(caller, caller.address), *acts)
