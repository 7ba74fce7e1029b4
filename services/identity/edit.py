"""A change of identities under way: in which transaction, for whom, and who is answerable."""

import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

from domain.caller import Caller
from domain.errors import InvalidInput, Problem
from domain.ids import uuid7_hex
from services.storage.audit import Act, By, record
from services.storage.database import Tx

_LOCK: Final = "SELECT id FROM tenant WHERE id = $1 FOR UPDATE"


@dataclass(frozen=True)
class Edit:
    """A change. `caller` bounds what may be done, `by` is what the audit says."""

    tx: Tx
    caller: Caller
    by: By

    async def note(self, action: str, kind: str, object_id: str, /, **details: Any) -> None:
        """Have the audit say what was done, in the transaction of the change."""
        await record(self.tx, self.by, Act(f"{kind}.{action}", kind, object_id, details))

    async def lock(self, tenant: str) -> bool:
        """Wait for the turn to change who may do what in a tenant; False: there is no such tenant."""
        return bool(await self.tx.fetch(_LOCK, tenant))


def new_id(prefix: str) -> str:
    """Return a new id, `<prefix>_<uuidv7>`."""
    return f"{prefix}_{uuid7_hex(time.time_ns() // 1_000_000, secrets.randbits(80))}"


def unknown_tenant() -> InvalidInput:
    """Return the error of a tenant that nothing can be made in."""
    return wrong("unknown_tenant", "query:tenant", "there is no such tenant, or it is disabled")


def wrong(code: str, path: str, message: str) -> InvalidInput:
    """Return the error of one wrong value."""
    return InvalidInput(message, (Problem(code=code, path=path, message=message),))
