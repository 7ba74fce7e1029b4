"""Users with keys, made by the services that the API makes them with."""

import secrets
from dataclasses import dataclass

import httpx

from domain.caller import LOCAL_TENANT, Caller
from services.identity import api_keys, tenants, users
from services.identity.edit import Edit
from services.identity.key_bounds import KeyFields
from services.identity.pepper import Pepper
from services.storage.audit import By
from services.storage.database import Database
from tests.keys import VAULT, api_client

_ADMIN = Caller("local")


@dataclass(frozen=True)
class Person:
    """A user with a key."""

    tenant: str
    user: str
    key_id: str
    key: str

    def client(self, like: httpx.AsyncClient) -> httpx.AsyncClient:
        """Return a client of the same API that comes with this person's key."""
        return api_client(str(like.base_url), self.key)


async def person(db: Database, *roles: str, tenant: str | None = None) -> Person:
    """Make a user with these roles and a key; `tenant` None: in the one that operates."""
    name = f"p{secrets.token_hex(6)}"
    async with db.transaction() as tx:
        edit = Edit(tx, _ADMIN, By.itself("tests"))
        made = await users.create(edit, tenant or LOCAL_TENANT, users.NewUser(name=name))
        if roles:
            await users.set_roles(edit, made.id, roles, None)
        view, spelled = await api_keys.create(edit, Pepper(db, VAULT), made.id, KeyFields(name="test"))
    return Person(made.tenant, made.id, view.id, spelled.text)


async def new_tenant(db: Database) -> str:
    """Make a tenant."""
    async with db.transaction() as tx:
        edit = Edit(tx, _ADMIN, By.itself("tests"))
        return (await tenants.create(edit, tenants.NewTenant(name=f"t{secrets.token_hex(6)}"))).id
