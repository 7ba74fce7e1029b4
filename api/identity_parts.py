"""What the routes of identities share: an edit under way, ids in paths, the pepper."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path

from api.acting import ByOf
from api.caller import Caller, CallerOf
from api.parts import PartsOf
from api.problems import ApiProblem, not_found
from services.identity.authenticator import Authenticator
from services.identity.edit import Edit
from services.identity.pepper import Pepper
from services.storage.audit import By
from services.storage.database import Database


@dataclass(frozen=True)
class Desk:
    """The database as a caller may change it."""

    db: Database
    caller: Caller
    by: By

    @asynccontextmanager
    async def edit(self) -> AsyncIterator[Edit]:
        """Give a transaction that commits when the block ends."""
        async with self.db.transaction() as tx:
            yield Edit(tx, self.caller, self.by)


async def _desk(parts: PartsOf, caller: CallerOf, by: ByOf) -> Desk:
    return Desk(parts.database, caller, by)


DeskOf = Annotated[Desk, Depends(_desk)]
"""A route's parameter for changing identities."""


async def _pepper(parts: PartsOf) -> Pepper:
    if not isinstance(parts.identity, Authenticator):
        raise ApiProblem(503, "no_identity", "this API was started without identities")
    return parts.identity.pepper


PepperOf = Annotated[Pepper, Depends(_pepper)]
"""A route's parameter for what secrets are hashed with."""


def _id_like(pattern: str, what: str, alias: str, example: str) -> Callable[..., Any]:
    form = re.compile(pattern)

    async def check(id_: Annotated[str, Path(alias=alias, examples=[example])]) -> str:
        if not form.match(id_):
            raise not_found(what)
        return id_

    return check


_HEX = "01932f6e8a7b7c3d9e0f1a2b3c4d5e6f"
UserIdOf = Annotated[str, Depends(_id_like(r"^(?:local|usr_[0-9a-f]{32})\Z", "user", "id", f"usr_{_HEX}"))]
TenantIdOf = Annotated[str, Depends(_id_like(r"^(?:default|ten_[0-9a-f]{32})\Z", "tenant", "id", f"ten_{_HEX}"))]
GrantIdOf = Annotated[str, Depends(_id_like(r"^grt_[0-9a-f]{32}\Z", "grant", "id", f"grt_{_HEX}"))]
KeyIdOf = Annotated[str, Depends(_id_like(r"^[0-9a-f]{16}\Z", "key", "id", "0123456789abcdef"))]
RoleNameOf = Annotated[str, Depends(_id_like(r"^[a-z][a-z0-9_-]{0,39}\Z", "role", "name", "reader"))]
