"""Making tenants, users and keys as an admin does, and calling with them."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from domain.caller import Caller
from services.identity import api_keys, tenants, users
from services.identity.authenticator import Authenticator
from services.identity.edit import Edit
from services.identity.key_bounds import KeyFields
from services.identity.key_rows import KeyView
from services.identity.pepper import Pepper
from services.identity.tenants import NewTenant, TenantView
from services.identity.users import NewUser, UserKind, UserView
from services.storage.audit import By
from services.storage.database import Database
from services.vault.vault import Vault

ROOT = Caller("local")
"""The first admin, with a token: nothing narrows them."""


def a_name() -> str:
    """Return a name that nobody has and none looks like."""
    return "u" + "".join(secrets.choice("bcdfghjkpqxyz") for _ in range(20))


@dataclass(frozen=True)
class People:
    """A database with its identities."""

    db: Database
    vault: Vault
    opened: list[Authenticator] = field(default_factory=list[Authenticator])

    def process(self, **options: Any) -> Authenticator:
        """Return an authenticator that knows nothing yet, as in another process."""
        made = Authenticator(self.db, self.vault, **options)
        self.opened.append(made)
        return made

    async def close(self) -> None:
        """Let what runs beside calls come to its end."""
        for each in self.opened:
            await each.close()

    @asynccontextmanager
    async def edit(self, caller: Caller = ROOT) -> AsyncIterator[Edit]:
        """Give an edit of a caller's, committed when the block ends."""
        async with self.db.transaction() as tx:
            yield Edit(tx, caller, By.of(caller, None))

    async def tenant(self) -> TenantView:
        """Make a tenant."""
        async with self.edit() as edit:
            return await tenants.create(edit, NewTenant(name=a_name()))

    async def user(
        self, roles: Sequence[str] = ("member",), tenant: str = "default", kind: UserKind = UserKind.PERSON
    ) -> UserView:
        """Make a user with these roles."""
        async with self.edit() as edit:
            made = await users.create(edit, tenant, NewUser(name=a_name(), kind=kind))
            return await users.set_roles(edit, made.id, roles, None)

    async def key(self, user_id: str = "local", caller: Caller = ROOT, **fields: Any) -> tuple[KeyView, str]:
        """Make a key; returns it and its secret."""
        wanted = KeyFields.model_validate({"name": "a key", **fields})
        async with self.edit(caller) as edit:
            view, made = await api_keys.create(edit, Pepper(self.db, self.vault), user_id, wanted)
        return view, made.text

    async def caller(self, secret: str, address: str | None = None, act_as: str | None = None) -> Caller:
        """Return who a credential belongs to, as a process that knows nothing yet finds out."""
        return await self.process().caller(secret, address, act_as)
