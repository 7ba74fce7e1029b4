"""A change of the configuration under way: one at a time over all processes, counted, and noted in the audit.

It is noted twice. `pool_change` is the pool's own history: whole objects, which decisions are made from (an account
that an admin unparked is not parked again by the check that parked it). The audit log has it among all else that was
done, with from where, cut to its bound and kept for its own time.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from services.storage import audit, json_text
from services.storage.audit import Act, By
from services.storage.database import Tx

_COUNT_UP = "UPDATE pool_version SET version = version + 1 WHERE id = 1"
_TURN = "SELECT FROM pool_version WHERE id = 1 FOR UPDATE"
_NOTE = """
    INSERT INTO pool_change (actor, action, kind, object_id, data)
    SELECT $1, n->>0, n->>1, n->>2, n->3
    FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS noted (n, at) ORDER BY at"""


class Source(StrEnum):
    """Who configured an object. What an admin changes is theirs from then on."""

    ADMIN = "admin"
    FILE = "file"
    SETTINGS = "settings"
    NODE = "node"


class Kind(StrEnum):
    """What can be configured."""

    PROVIDER = "provider"
    ACCOUNT = "account"
    DEPLOYMENT = "deployment"
    ROUTE = "route"
    NODE = "node"


class Action(StrEnum):
    """What was done to an object."""

    CREATE = "create"
    REPLACE = "replace"
    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"
    PARK = "park"
    UNPARK = "unpark"


Who = By | str
"""Who changes something: a caller, or the name of a part of the product, or of a file, that does it by itself."""


@dataclass(frozen=True)
class Edit:
    """A transaction that has the turn to change the configuration, and for whom."""

    tx: Tx
    by: By
    source: Source
    notes: list[tuple[str, str, str, dict[str, Any]]] = field(default_factory=list[Any])

    @property
    def actor(self) -> str:
        """Who is answerable."""
        return self.by.actor

    def note(self, action: Action, kind: Kind, object_id: str, data: dict[str, Any]) -> None:
        """Have the audit say what was done; `data` holds no credential."""
        self.notes.append((action.value, kind.value, object_id, data))


async def take_turn(tx: Tx) -> None:
    """Wait for the turn to change the configuration, to see whether there is anything to change: nothing is counted."""
    await tx.fetch(_TURN)


@asynccontextmanager
async def editing(tx: Tx, by: Who, source: Source) -> AsyncGenerator[Edit, None]:
    """Wait for the turn, run the block, and write its notes. Changes before this block's are seen in it."""
    await tx.fetch(_COUNT_UP)
    edit = Edit(tx, By.itself(by) if isinstance(by, str) else by, source)
    yield edit
    if edit.notes:
        await tx.fetch(_NOTE, edit.actor, json_text.encode(edit.notes))
        await audit.record(tx, edit.by, *(_act(*note) for note in edit.notes))


def _act(action: str, kind: str, object_id: str, data: dict[str, Any]) -> Act:
    return Act(f"pool_{kind}.{action}", f"pool_{kind}", object_id, data)
