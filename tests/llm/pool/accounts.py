"""Accounts in the database and calls that ask for places at them."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import replace

from domain import ids
from domain.budget import Usage
from domain.model_pool import Limit, LimitKind
from services.llm.pool import leases
from services.llm.pool.leases import Answer, Claim, Ended, Mode, Place
from services.storage.driver import Row
from services.storage.statements import Statements


def new_name(kind: str = "acc") -> str:
    return f"{kind}-{secrets.token_hex(6)}"


def new_lease() -> str:
    return f"lease_{ids.uuid7_hex(time.time_ns() // 1_000_000, secrets.randbits(80))}"


def requests(amount: int, window_s: float) -> Limit:
    return Limit(kind=LimitKind.REQUESTS, amount=amount, window_s=window_s)


def tokens(amount: int, window_s: float) -> Limit:
    return Limit(kind=LimitKind.TOKENS, amount=amount, window_s=window_s)


def money(amount: int, window_s: float) -> Limit:
    return Limit(kind=LimitKind.COST_MICROS, amount=amount, window_s=window_s)


def concurrency(amount: int) -> Limit:
    return Limit(kind=LimitKind.CONCURRENCY, amount=amount)


async def account(where: Statements, *limits: Limit, learnt: Sequence[Limit] = ()) -> str:
    """Make an account with these limits."""
    name = new_name()
    await where.fetch("INSERT INTO pool_account (id, provider_id) VALUES ($1, 'test')", name)
    for told, of in ((False, limits), (True, learnt)):
        for limit in of:
            await where.fetch(
                "INSERT INTO pool_limit (account_id, kind, window_s, learnt, amount) VALUES ($1, $2, $3, $4, $5)",
                *(name, limit.kind.value, limit.window_s, told, limit.amount),
            )
    return name


def place(account_id: str, *, deployment: str | None = None, weight: int = 1, size: int = 100, cost: int = 0) -> Place:
    return Place(deployment or f"{account_id}-d", account_id, weight, size, cost)


def claim(call_id: str | None = None, **changes: object) -> Claim:
    """Return a call's claim; one that waits, of priority 3, unless told."""
    usual = Claim(
        lease_id=new_lease(),
        call_id=call_id or new_name("call"),
        owner="owner-a",
        route="small",
        process="test",
        input_tokens=10,
        mode=Mode.GIVEN,
        stays=False,
        waits=True,
        priority=3,
        fairness_key="owner-a",
    )
    return replace(usual, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  fields by name


async def granted(where: Statements, asked: Claim, *places: Place) -> str | None:
    """Ask for a place; return the lease's id, None: there was none."""
    answer = await leases.take(where, asked, places)
    return None if answer.granted is None else asked.lease_id


async def ask(where: Statements, *places: Place, call_id: str | None = None, **changes: object) -> Answer:
    return await leases.take(where, claim(call_id, **changes), places)


async def end(
    where: Statements, lease_id: str, outcome: str = "ok", *, used: int = 10, since_s: float | None = 0.0
) -> bool:
    """End a lease that used so many tokens."""
    ended = Ended(lease_id, outcome, Usage(output_tokens=used), since_first_byte_s=since_s)
    return (await leases.settle(where, ended)).closed


async def rows(where: Statements, account_id: str) -> list[Row]:
    return await where.fetch("SELECT * FROM lease WHERE account_id = $1 ORDER BY taken_at, id", account_id)


async def age(where: Statements, account_id: str, by_s: float) -> None:
    """Have everything about an account's leases happened earlier: tests do not wait for windows."""
    await where.fetch(
        """UPDATE lease SET taken_at = taken_at - make_interval(secs => $2),
            expires_at = expires_at - make_interval(secs => $2), ended_at = ended_at - make_interval(secs => $2),
            counted_from = counted_from - make_interval(secs => $2) WHERE account_id = $1""",
        *(account_id, by_s),
    )
    await where.fetch(
        "UPDATE account_usage SET starts_at = starts_at - make_interval(secs => $2) WHERE account_id = $1",
        *(account_id, by_s),
    )
