"""A prepaid wallet whose calls run into traps, and what the provider's own log says that it must have paid."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product as every
from pathlib import Path
from typing import Any

import httpx

from domain.budget import Price, Usage, cost
from services.ledger import invariants
from services.storage.database import Database
from services.storage.driver import Row
from services.storage.failpoints import AFTER, BEFORE, Action, Point
from tests.crash.machine import Machine
from tests.keys import api_client
from tests.workflows.product import Product, eventually

PRICE = Price(input_micros=100_000, cached_input_micros=10_000, output_micros=400_000)
"""The price table's, of simulated models."""
FILLED = 10_000_000
WITHIN_S = 90.0
ASK_S = 8.0
"""How long a client waits for an answer before it asks again, under the same key."""
IN_API = frozenset({Point.CALL_ACCEPT, Point.REQUEST_ACCEPT, Point.WALLET_MOVE})


@dataclass(frozen=True)
class Trap:
    """What happens at which point; it happens once."""

    point: Point
    side: str
    action: Action

    def __str__(self) -> str:
        return f"{self.point}.{self.side}-{self.action}"

    @property
    def process(self) -> str:
        """Where it happens."""
        return "api" if self.point in IN_API else "worker"


def traps(points: tuple[Point, ...]) -> list[Trap]:
    return [Trap(*each) for each in every(points, (BEFORE, AFTER), Action)]


@dataclass(frozen=True)
class Purse:
    """A wallet, and the product as its only payer sees it."""

    machine: Machine
    product: Product
    wallet: str
    db: Database

    @property
    def folder(self) -> Path:
        return Path(self.machine.variables["LONGHAUL_FAILPOINTS"])

    def arm(self, trap: Trap) -> None:
        (self.folder / f"{trap.point}.{trap.side}").write_text(trap.action.value)

    async def sprung(self, trap: Trap) -> None:
        """Wait until it has happened; what hangs is killed."""

        async def happened() -> bool:
            return any(self.folder.glob(f"{trap.point}.{trap.side}.*"))

        await eventually(happened, within_s=WITHIN_S)
        if trap.action is Action.HANG:
            self.machine.supervisor.kill(trap.process)

    async def settled(self) -> int:
        """Wait until nothing is held; return what was spent."""

        async def free() -> bool:
            rows = await self.db.fetch("SELECT held_micros FROM wallet_balance WHERE wallet_id = $1", self.wallet)
            return bool(rows[0]["held_micros"] == 0)

        await eventually(free, within_s=WITHIN_S)
        rows = await self.db.fetch("SELECT available_micros FROM wallet_balance WHERE wallet_id = $1", self.wallet)
        return FILLED - int(rows[0]["available_micros"])

    async def journal(self) -> list[Row]:
        """Return the calls that the wallet pays, with what was posted for each."""
        return await self.db.fetch(
            "SELECT concat_ws('/', c.request_id, c.slot, c.round, c.n) AS id, c.state, c.usage, c.cost_micros, ("
            "SELECT array_agg(t.micros) FROM ledger_transaction t WHERE t.kind = 'post' "
            "AND t.key = concat_ws('/', c.request_id, c.slot, c.round, c.n)) AS posted "
            "FROM model_call c JOIN request r ON r.id = c.request_id WHERE r.wallet_id = $1",
            self.wallet,
        )

    async def check(self) -> None:
        """Check that the wallet has paid for what the provider did, by its log, and that the whole ledger is sound."""
        spent = await self.settled()
        journal = {row["id"]: row for row in await self.journal()}
        asked = {call["idempotency_key"]: call for call in await self.product.calls()}
        assert set(asked) <= set(journal), "nothing was asked that is not journaled"
        for name, row in journal.items():
            assert row["posted"] == ([row["cost_micros"]] if row["cost_micros"] else None), name
            assert row["state"] != "open"
            if row["state"] == "finished":
                assert row["cost_micros"] == cost(told(asked[name]), PRICE), name
            else:
                assert row["cost_micros"] == cost(Usage.model_validate(row["usage"] or {}), PRICE), name
        assert spent == sum(row["cost_micros"] for row in journal.values()) > 0
        assert [each for each in await invariants.check(self.db) if each.rows] == []


def told(call: dict[str, Any]) -> Usage:
    """Return what the provider says that an answered call has used."""
    usage = call["usage"]
    details: dict[str, int] = usage.get("prompt_tokens_details") or {}
    return Usage(
        input_tokens=usage["prompt_tokens"],
        cached_tokens=details.get("cached_tokens", 0),
        output_tokens=usage["completion_tokens"],
    )


@asynccontextmanager
async def purse_of(machine: Machine, product: Product) -> AsyncIterator[Purse]:
    """Give a filled wallet, and a key that is charged to it."""
    admin = machine.product.api
    wallet = (await created(admin, "/v1/wallets", {"name": "crash"}))["id"]
    body = {"amount_micros": FILLED, "reason": "test"}
    await created(admin, f"/v1/wallets/{wallet}/top-ups", body)
    key = (await created(admin, "/v1/keys", {"name": "crash", "wallet": wallet}))["secret"]
    db = Database(machine.database_url)
    try:
        async with api_client(str(admin.base_url), key, timeout=ASK_S) as api:
            yield Purse(machine, Product(api, product.provider, product.temporal, product.model), wallet, db)
    finally:
        await db.close()
        disarm(Path(machine.variables["LONGHAUL_FAILPOINTS"]))


def disarm(folder: Path) -> None:
    for left in folder.iterdir():
        left.unlink()


async def created(admin: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Make something as an admin; an API that was killed before is waited for."""
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    answer = await insisting(lambda: admin.post(path, json=body, headers=headers), 201)
    made: dict[str, Any] = answer.json()
    return made


async def insisting(ask: Callable[[], Awaitable[httpx.Response]], *wanted: int) -> httpx.Response:
    """Ask again, as a client does, until it is answered well."""

    async def once() -> httpx.Response | None:
        try:
            answer = await ask()
        except httpx.TransportError:
            return None
        assert answer.status_code in wanted or answer.status_code >= 500, answer.text
        return answer if answer.status_code in wanted else None

    answer: httpx.Response = await eventually(once, within_s=WITHIN_S)
    return answer
