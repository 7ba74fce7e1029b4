"""Callers with limits of their own, written as the desk would, and what the tables say of them."""

import secrets
from dataclasses import dataclass, field

from domain.caller import Caller
from domain.caller_limits import LimitKind, LimitTerms, subjects_of
from services.storage.audit import By
from services.storage.caller_limits import Ask, Taken, take
from services.storage.database import Database
from services.storage.limit_desk import LimitDesk, LimitView

ADMIN = By.itself("tests")


def unique(name: str) -> str:
    """Return a name that no other test has."""
    return f"{name}_{secrets.token_hex(8)}"


@dataclass(frozen=True)
class Limited:
    """A caller, and calls of theirs."""

    db: Database
    caller: Caller = field(default_factory=lambda: Caller(unique("usr"), unique("ten"), key_id=secrets.token_hex(8)))

    @property
    def subjects(self) -> tuple[str, ...]:
        """The tenant, the user, the key."""
        return subjects_of(self.caller)

    async def limit(self, kind: LimitKind, amount: int, window_s: int = 0, subject: int = 1) -> LimitView:
        """Set a limit; `subject`: of the tenant (0), the user (1) or the key (2)."""
        terms = LimitTerms(kind=kind, amount=amount, window_s=window_s)
        return await LimitDesk(self.db).create(ADMIN, self.caller.tenant, self.subjects[subject], terms)

    async def call(self, tokens: int = 1, lasts_s: float = 60.0) -> tuple[str, Taken]:
        """Ask for a call; return its id and whether it was let in."""
        call_id = unique("call")
        return call_id, await take(self.db, Ask(self.subjects, call_id, tokens=tokens, lasts_s=lasts_s))

    async def count(self) -> Taken:
        """Ask for something that leaves nothing under way."""
        return await take(self.db, Ask(self.subjects))


async def end(db: Database, call_id: str, tokens: int) -> None:
    """End a call that has used so many tokens."""
    usage = f'{{"input_tokens": {tokens}, "output_tokens": 0}}'
    await db.fetch("SELECT longhaul_limit_settle($1, $2::jsonb)", call_id, usage)
