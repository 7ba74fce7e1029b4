"""Users with passwords, and the doors they come through, with a clock that tests set."""

import secrets
import time
from dataclasses import dataclass

from domain.user_names import skeleton
from services.identity import password_rows
from services.identity.doors import Doors, open_doors
from services.identity.log_ins import Granted
from services.identity.passwords import Passwords, password_hasher
from services.identity.session_rows import Client
from services.storage.database import Database
from services.vault.vault import Vault

PASSWORD = "correct horse battery staple"
HERE = Client("127.0.0.1", "tests")
FAST = password_hasher(memory_kib=64, passes=1)
"""Argon2 with next to no memory: most tests are not about its cost."""

_USER = """
    INSERT INTO app_user (id, tenant, kind, name, skeleton, revision) VALUES ($1, $2, $3, $4, $5, 1)"""


@dataclass
class Clock:
    """A clock that runs, and can be moved."""

    ahead_s: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@dataclass(frozen=True)
class Person:
    """A user with a password."""

    id: str
    name: str


async def make_person(
    db: Database, *, password: str | None = PASSWORD, tenant: str = "default", kind: str = "person"
) -> Person:
    name = f"p{secrets.token_hex(6)}"
    user_id = f"usr_{secrets.token_hex(16)}"
    await db.fetch(_USER, user_id, tenant, kind, name, skeleton(name))
    await db.fetch("INSERT INTO user_role (user_id, role) VALUES ($1, 'member')", user_id)
    if password is not None:
        await password_rows.store(db, user_id, await Passwords(FAST).hash(password))
    return Person(user_id, name)


async def make_tenant(db: Database) -> str:
    tenant = f"ten_{secrets.token_hex(16)}"
    await db.fetch("INSERT INTO tenant (id, name, skeleton, revision) VALUES ($1, $1, $1, 1)", tenant)
    return tenant


def doors_of(db: Database, vault: Vault, clock: Clock | None = None) -> Doors:
    return open_doors(db, vault, passwords=Passwords(FAST), now=clock or Clock())


async def log_in(doors: Doors, person: Person, password: str = PASSWORD) -> Granted:
    return await doors.log_ins.by_password(person.name, password, HERE)
