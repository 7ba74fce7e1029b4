"""A ledger of its own, in a database that no other test uses, with real requests, calls and journals in it."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from domain import ids
from domain.budget import Price, Usage, cost
from domain.content import Text
from domain.events import Event, EventType
from domain.gateway import CallOptions, CallOutcome
from domain.ledger import Charge, Estimate, Payer
from services.storage import engine, events, gateway_calls, journal
from services.storage.database import Database
from services.storage.gateway_calls import NewCall
from services.storage.journal import Answer, Call, CallKey, Sent
from services.storage.migrate import migrate
from tests.ledger.till import Till, fresh

SLOT = "call"
PRICE = Price(input_micros=1_000_000, cached_input_micros=500_000, output_micros=2_000_000)
"""A micro-unit a token of input, two a token of output."""
USAGE = Usage(input_tokens=10, output_tokens=20)


@asynccontextmanager
async def scratch(database_url: str, template: str | None = None) -> AsyncIterator[str]:
    """Give the address of a database of its own on the run's server: migrated, or a copy of another."""
    name = f"scratch_{secrets.token_hex(6)}"
    copied = "" if template is None else f" TEMPLATE {make_url(template).database}"
    await _alone(database_url, f"CREATE DATABASE {name}{copied}")
    url = make_url(engine.sqlalchemy_url(database_url)).set(database=name).render_as_string(hide_password=False)
    try:
        if template is None:
            await migrate(url)
        yield url
    finally:
        await _alone(database_url, f"DROP DATABASE {name} WITH (FORCE)")


async def _alone(url: str, statement: str) -> None:
    made = create_async_engine(engine.sqlalchemy_url(url), isolation_level="AUTOCOMMIT")
    async with made.connect() as connection:
        await connection.exec_driver_sql(statement)
    await made.dispose()


@dataclass(frozen=True)
class Terms:
    """How a call is charged. `expires_s` of its hold."""

    payer: Payer
    micros: int = 100
    expires_s: float = 3600.0
    call_id: str = field(default_factory=lambda: ids.gateway_call_id(time.time_ns() // 1_000_000, secrets.randbits(80)))


class Books:
    """Charged calls, made as the gateway makes them."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.till = Till(db)

    async def tenant(self) -> str:
        """Make a tenant."""
        tenant = fresh("ten")
        await self.db.fetch("INSERT INTO tenant (id, name, skeleton) VALUES ($1, $1, $1)", tenant)
        return tenant

    async def payer(self, micros: int) -> Payer:
        """Return somebody with a prepaid wallet of their own."""
        return await self.till.payer(micros)

    async def accept(self, terms: Terms) -> str:
        """Accept a call, and hold for it; return its id."""
        charge = Charge(terms.payer, Estimate(terms.micros, terms.micros), terms.expires_s)
        new = NewCall(terms.call_id, terms.payer.user, "{}", CallOptions(model="m"), None, charge)
        return (await gateway_calls.accept(self.db, new)).call_id

    async def open(self, call_id: str, round_no: int = 1) -> Call:
        """Open a call of a model."""
        sent = Sent(model="m", input_tokens=USAGE.input_tokens, process="test", deployment="d", price=PRICE)
        opened = await journal.open_first(self.db, CallKey(call_id, SLOT, round_no), [], sent)
        assert opened is not None
        return opened

    async def close(self, call: Call, usage: Usage = USAGE) -> int:
        """End it with an answer; return what it has cost."""
        micros = cost(usage, PRICE)
        answer = Answer(
            text=Text.inline("hello"), finish_reason="stop", refused=False, usage=usage, cost_micros=micros, model="m"
        )
        assert await journal.finish(self.db, call, answer)
        return micros

    async def end(self, call_id: str) -> None:
        """End the gateway's call, which releases its hold."""
        outcome = CallOutcome(phase="done").model_dump(mode="json", exclude_none=True)
        data = {"v": 1, "outcome": outcome}
        await events.append(
            self.db, call_id, [Event(source="call", source_seq=1, type=EventType.CALL_FINISHED, data=data)]
        )

    async def whole_call(self, terms: Terms) -> str:
        """Make a call from its acceptance to its end; return its id."""
        call_id = await self.accept(terms)
        await self.close(await self.open(call_id))
        await self.end(call_id)
        return call_id
