"""Asking for somebody else by their id or name in a body or path: what S1 calls `userId`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.access import demand
from api.caller import Caller, CallerOf, authenticate
from api.parts import Parts
from domain.permissions import Permission
from services.identity.naming import user_meant


@dataclass(frozen=True)
class Asking:
    """A call that may be made for somebody else, and who sends it."""

    connection: HTTPConnection
    caller: Caller

    async def as_user(self, user_id: str | None, wanted: Permission) -> Caller:
        """Return as whom the caller goes on: as themselves, or for a user of their tenant.

        A text that is no user's id or name stays a plain label of the caller's own work.

        Args:
            user_id: For whom the call says that it is.
            wanted: What both must be permitted.

        Raises:
            Forbidden: It is somebody else, and the caller may not act for others; or that user may not do it.
        """
        if user_id is None or user_id == self.caller.owner:
            return self.caller
        parts: Parts = self.connection.app.state.parts
        meant = await user_meant(parts.database, self.caller.tenant, user_id)
        if meant == self.caller.owner:
            return self.caller
        demand(self.caller, Permission.ACT_AS)
        if meant is None:
            return self.caller
        acting = await authenticate(self.connection, meant)
        demand(acting, wanted)
        return acting


async def _asking(connection: HTTPConnection, caller: CallerOf) -> Asking:
    return Asking(connection, caller)


AskingOf = Annotated[Asking, Depends(_asking)]
"""A route's parameter for a call that may be made for somebody else."""
