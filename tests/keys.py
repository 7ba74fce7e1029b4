"""What opens the API in tests: one admin key, put into every database that an API of a test serves.

The admin is user `local` of the operating tenant: the owner of all that tests make without saying whose it is.
"""

import base64
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import httpx

from api.parts import Parts
from domain.errors import Unavailable
from services.identity.authenticator import Authenticator
from services.identity.bootstrap import ensure_admin
from services.identity.doors import open_doors
from services.storage.database import Database
from services.vault.keys import parse_keys

MASTER_KEYS: Final = "test:" + base64.urlsafe_b64encode(bytes(32)).decode()
"""Seals what no test keeps secret."""
VAULT: Final = parse_keys(MASTER_KEYS)
ADMIN_KEY: Final = "lh_" + "0123456789abcdef" + "_" + "the-key-of-the-tests-opens-nothing-else-AAA"
"""The first admin's, by which everything is allowed."""


def bearer(key: str = ADMIN_KEY) -> dict[str, str]:
    """Return the header that brings a key."""
    return {"Authorization": f"Bearer {key}"}


def api_client(url: str, key: str = ADMIN_KEY, *, timeout: float = 15.0, **options: Any) -> httpx.AsyncClient:
    """Return a client of an API."""
    return httpx.AsyncClient(base_url=url, headers=bearer(key), trust_env=False, timeout=timeout, **options)


def process_variables() -> dict[str, str]:
    """Return what a process of the product must be told so that it knows the tests' admin."""
    return {"LONGHAUL_ADMIN_KEY": ADMIN_KEY, "LONGHAUL_MASTER_KEYS": MASTER_KEYS}


async def let_admin_in(database: Database) -> None:
    """Give a database the tests' admin; one that does not answer stays without."""
    with suppress(Unavailable):
        async with database.transaction() as tx:
            await ensure_admin(tx, VAULT, ADMIN_KEY)


async def known(parts: Parts) -> Parts:
    """Return parts that know the callers in their database, the tests' admin among them."""
    await let_admin_in(parts.database)
    if parts.identity is not None:
        return parts
    doors = parts.doors or open_doors(parts.database, VAULT)
    return replace(parts, doors=doors, identity=Authenticator(parts.database, VAULT, tokens=doors.tokens))


async def settle(parts: Parts) -> None:
    """Let what an API's authenticator does beside calls come to its end, before its database is closed."""
    if isinstance(parts.identity, Authenticator):
        await parts.identity.close()
